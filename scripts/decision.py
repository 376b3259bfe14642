"""``invigil decision``: open a decision, assign its deciders, read the dossier, vote, step down.

Deciders are people of the body who took no part in the candidate's training or examination. Each opens the
dossier and declares that nothing stands between them and this candidate; each votes before seeing the
other's vote. `decision dossier` prints the digest that a vote hands back: a vote on a dossier that has
changed since is refused.
"""

from __future__ import annotations

from typing import Annotated

import typer

from scripts.calling import act
from scripts.console import Json, tell

app = typer.Typer(help="Certification decisions: open, assign, dossier, vote.")

Decision = Annotated[str, typer.Argument(help="The decision's identifier, as `decision open` printed it.")]


@app.command("open")
def open_decision(
    sitting: Annotated[str, typer.Argument(help="The released sitting that is decided on.")], as_json: Json = False
) -> None:
    """Open the decision on a sitting. An administrator's act."""
    tell({"ok": True, **act("decision.open", {"sitting": sitting})}, as_json, title="The decision is open")


@app.command()
def assign(
    decision: Decision,
    deciders: Annotated[list[str], typer.Argument(help="Accounts or identifiers; one for each empty seat.")],
    as_json: Json = False,
) -> None:
    """Fill the panel. Whoever took part in this candidate's training or examination is refused."""
    tell({"ok": True, **act("decision.assign", {"decision": decision, "deciders": deciders})}, as_json)


@app.command("list")
def list_decisions(as_json: Json = False) -> None:
    """All decisions; for a decider the own panels."""
    found = act("decision.list", {})
    tell({"ok": True, "count": len(found), "decisions": found}, as_json)


@app.command()
def dossier(
    decision: Decision,
    no_conflict: Annotated[
        bool, typer.Option("--no-conflict", help="I declare that nothing stands between me and this candidate.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Open the dossier as its decider; that it was opened, and which, is recorded."""
    tell({"ok": True, **act("decision.dossier", {"decision": decision, "no_conflict": no_conflict})}, as_json)


@app.command()
def vote(
    decision: Decision,
    outcome: Annotated[str, typer.Argument(help="GRANT, REFUSE or DEFER.")],
    reason: Annotated[str, typer.Option(help="One of the scheme's reasons for this vote.")],
    digest: Annotated[str, typer.Option(help="The dossier's digest, as it was shown.")],
    met: Annotated[list[str] | None, typer.Option(help="A criterion that is met; once for each.")] = None,
    unmet: Annotated[list[str] | None, typer.Option(help="A criterion that is not met; once for each.")] = None,
    as_json: Json = False,
) -> None:
    """Vote on the dossier you opened. The last vote decides, tells the candidate and makes the certificate."""
    answers = dict.fromkeys(met or (), True) | dict.fromkeys(unmet or (), False)
    if len(answers) < len(met or ()) + len(unmet or ()):
        raise typer.BadParameter("a criterion is either met or unmet, and named once")
    told = {"decision": decision, "vote": outcome, "reason": reason, "digest": digest, "answers": answers}
    tell({"ok": True, **act("decision.vote", told)}, as_json, title="The vote is cast")


@app.command()
def recuse(
    decision: Decision,
    reason: Annotated[str, typer.Option(help="One of the reasons for stepping down.")],
    as_json: Json = False,
) -> None:
    """Step down from a panel before voting."""
    tell({"ok": True, **act("decision.recuse", {"decision": decision, "reason": reason})}, as_json)
