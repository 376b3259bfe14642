"""``invigil certificate verify``: is this certificate valid? Number and name together, or no answer.

It asks this installation's own register, as the public page does; whoever has only one of the two learns
nothing, and a wrong number, a wrong name and no certificate get the same answer.
"""

from __future__ import annotations

from typing import Annotated

import typer

from scripts.calling import act
from scripts.console import Json, no, tell

app = typer.Typer(help="Certificates: check one.")


@app.command()
def verify(
    number: Annotated[str, typer.Argument(help="The certificate's number, as printed.")],
    name: Annotated[str, typer.Argument(help="The holder's name, as printed.")],
    as_json: Json = False,
) -> None:
    """Whether the certificate is valid now. Exit 1 when it is not."""
    found = act("certificate.verify", {"number": number, "name": name})
    valid = str(found["status"]).upper() == "VALID"
    (tell if valid else no)({"ok": valid, **found}, as_json)
