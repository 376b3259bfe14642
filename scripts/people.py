"""``invigil people``: who works here, in which roles, under which commitments.

An installation begins with the operator, who registers the first people and grants their roles
(``--operator``, possible only while no server runs). From then on a system administrator does it. Whoever
holds a role signs the commitment to rules, confidentiality and impartiality themselves; no role is active
before::

    invigil people add "Linus Varga" --born 1992-05-17 --email linus@body.example --login linus --operator
    invigil people grant linus system-administrator --operator
    invigil login linus && invigil people commit
"""

from __future__ import annotations

from typing import Annotated

import typer

from engine.people import Role
from scripts.calling import act, acting
from scripts.console import Json, tell
from scripts.credentials import FromStdin, ask_password

app = typer.Typer(help="People, their accounts, roles and commitments.")

Person = Annotated[str, typer.Argument(help="An account name, or a person's identifier.")]
Born = Annotated[str, typer.Option(help="Date of birth, YYYY-MM-DD: tells people of one name apart.")]
Email = Annotated[str, typer.Option(help="Where notices go.")]
Language = Annotated[str, typer.Option(help="Language of the person's pages and notices.")]
Operator = Annotated[
    bool, typer.Option("--operator", help="Act as the operator of this machine; only while no server runs.")
]
RoleName = Annotated[str, typer.Argument(help=f"One of: {', '.join(Role)}.")]


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="The person's full name.")],
    born: Born,
    email: Email,
    login: Annotated[str, typer.Option(help="The account to sign in with.")],
    language: Language = "en",
    no_password: Annotated[bool, typer.Option("--no-password", help="Set no password yet.")] = False,
    password_stdin: FromStdin = False,
    operator: Operator = False,
    as_json: Json = False,
) -> None:
    """Register somebody who works here. The same person twice is refused, under any account."""
    told = {"name": name, "born": born, "email": email, "login": login, "language": language}
    with acting(operator=operator) as hand:
        if not no_password:
            told["password"] = ask_password(password_stdin, twice=True)
        done = hand.act("people.add", told)
    tell({"ok": True, **done, "login": login}, as_json, title=f"{name} is registered")


@app.command("add-account")
def add_account(
    person: Person,
    login: Annotated[str, typer.Argument(help="The further account.")],
    operator: Operator = False,
    as_json: Json = False,
) -> None:
    """Give a known person a further account. Every rule sees through it to the person."""
    done = act("people.add-account", {"person": person, "login": login}, operator=operator)
    tell({"ok": True, **done, "login": login}, as_json)


@app.command()
def grant(
    person: Person,
    role: RoleName,
    days: Annotated[int, typer.Option(help="For how many days.", min=1, max=1461)] = 365,
    operator: Operator = False,
    as_json: Json = False,
) -> None:
    """Give a role. Some roles never meet in one person; nobody gives one to themselves."""
    done = act("people.grant", {"person": person, "role": role, "days": days}, operator=operator)
    tell({"ok": True, **done, "days": days}, as_json)


@app.command()
def revoke(person: Person, role: RoleName, operator: Operator = False, as_json: Json = False) -> None:
    """Take a role away, at once."""
    tell({"ok": True, **act("people.revoke", {"person": person, "role": role}, operator=operator)}, as_json)


@app.command()
def commit(as_json: Json = False) -> None:
    """Sign the commitment to rules, confidentiality and impartiality yourself, for a year."""
    tell({"ok": True, **act("people.commit", {})}, as_json, title="The commitment is signed")


@app.command()
def trained(
    candidate: Person,
    trainer: Annotated[str, typer.Option(help="Who trained. [default: you]")] = "",
    ended: Annotated[str, typer.Option(help="When the training ended, YYYY-MM-DD; empty: it goes on.")] = "",
    as_json: Json = False,
) -> None:
    """Declare who trained a candidate. They will never decide on this candidate."""
    told = {"candidate": candidate, "ended": ended} | ({"trainer": trainer} if trainer else {})
    tell({"ok": True, **act("people.trained", told)}, as_json)


@app.command()
def reset(
    login: Annotated[str, typer.Argument(help="The account.")],
    password_stdin: FromStdin = False,
    operator: Operator = False,
    as_json: Json = False,
) -> None:
    """Set a new password: one's own, or anybody's by a system administrator."""
    with acting(operator=operator) as hand:
        password = ask_password(password_stdin, twice=True)
        done = hand.act("people.password", {"login": login, "password": password})
    tell({"ok": True, **done}, as_json, title="The password is set")


@app.command("list")
def list_people(operator: Operator = False, as_json: Json = False) -> None:
    """Everybody who is registered, with the roles that are active now."""
    found = act("people.list", {}, operator=operator)
    tell({"ok": True, "count": len(found), "people": found}, as_json)
