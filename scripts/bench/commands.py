"""``invigil bench``: what things cost, as a ratio to a baseline that is measured in the same run.

Absolute times say something about a machine; a ratio says something about the program. Each benchmark is a module of
its own and one line here.
"""

from __future__ import annotations

import typer

from scripts.bench import autosave, bank, frames, lines, login, scoring

app = typer.Typer(help="What things cost, as a ratio to a baseline of the same run.")


@app.callback()
def _group() -> None:
    """What things cost, as a ratio to a baseline that is measured in the same run."""


app.command(name="autosave")(autosave.command)
app.command(name="bank")(bank.command)
app.command(name="frames")(frames.command)
app.command(name="lines")(lines.command)
app.command(name="login")(login.command)
app.command(name="scoring")(scoring.command)
