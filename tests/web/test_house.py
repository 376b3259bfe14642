"""Whoever opens the house can read everything that any room of it has written."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
KINDS = "StillOpened EvidenceAdded EvidenceOpened EvidenceErased ItemOpened ItemDrafted PackageImported"


def test_a_process_that_only_opens_the_house_knows_the_events_of_the_bank_and_of_the_desk() -> None:
    """The command line does: without this, a command beside an exam day could not fold its sittings."""
    known = "{kind for kind, _ in events._KINDS}"
    asked = f"import web.house; from engine import events; print(sorted(set({KINDS.split()!r}) - {known}))"
    told = subprocess.run([sys.executable, "-c", asked], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "[]" == told.stdout.strip()
