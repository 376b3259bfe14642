"""``invigil drill``: break it on purpose, and count what was lost. People rehearse this before an exam day.

Each drill is a module of its own and one line in `DRILLS`; see `scripts.drill` for what they are made of.
"""

from __future__ import annotations

from importlib import import_module
from typing import Final

import typer

DRILLS: Final = {
    "kill": "scripts.drill.kill",
    "power": "scripts.drill.power",
    "disk": "scripts.drill.disk",
    "network": "scripts.drill.network",
    "simulate": "scripts.simulation.command",
    "herd": "scripts.drill.herd",
    "readers": "scripts.drill.readers",
    "frames": "scripts.drill.frames",
    "watch": "scripts.drill.watch",
}

app = typer.Typer(help="Break it on purpose: figures of what was lost.")


@app.callback()
def _group() -> None:
    """Break it on purpose, and count what was lost."""


for _name, _place in DRILLS.items():
    app.command(_name)(import_module(_place).command)
