"""Opening the desk: its pools, its scribe and its evidence folder, and what the log is told of missing detectors.

desk = open_desk(delivery, writer, sources, keyring, models=folder, evidence=folder, inventory=inventory)
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Final

import structlog

from engine.keyring import Keyring
from engine.sources import Sources
from engine.writer import Writer
from proctoring.desk import Desk
from proctoring.evidence import Evidence, FolderShelf
from proctoring.inventory import Inventory
from proctoring.model import MODEL_FILE, MODEL_SHA256, find_model
from proctoring.notice import Delivering
from proctoring.objects import Plugin
from proctoring.pool import Pool
from proctoring.signals import THRESHOLDS

OBJECTS_DEADLINE_MS: Final = 8_000
_log: Final = structlog.get_logger()


def open_desk(
    delivery: Delivering,
    writer: Writer,
    sources: Sources,
    keyring: Keyring,
    *,
    models: Path | None,
    evidence: Path,
    workers: int | None = None,
    faces_every: int = 1,
    inventory: Inventory,
    objects: Plugin | None = None,
) -> Desk:
    """A desk with its own pool, scribe and evidence folder. ``models`` is the folder with the face model: without
    it, face checks are reduced to hints, or off; with it they are off until a person has approved it (``inventory``).
    ``objects`` is the plug-in that looks for telephones, off unless an operator names its model.

    Raises: `Tampered` for another model file; `NotFound` for a plug-in's that is not there."""
    model = find_model(models)
    sha256 = MODEL_SHA256 if model is not None else ""
    if model is None:
        _log.warning("no face model: face checks are reduced to hints for the invigilator", expected=MODEL_FILE)
    elif inventory.unapproved(sha256, THRESHOLDS):
        _log.warning("face checks are OFF: nobody has approved them", sha256=sha256, thresholds=THRESHOLDS.version)
    pool = Pool(model, workers=workers, faces_every=faces_every)
    kept = Evidence(FolderShelf(evidence), keyring, writer, sources)
    slow = None
    if objects is not None:
        _log.warning("object hints are on, with a model that the operator supplied", sha256=objects.sha256)
        slow = Pool(objects.model, workers=1, deadline_ms=OBJECTS_DEADLINE_MS, objects_sha256=objects.sha256)
    unapproved = partial(inventory.unapproved, sha256)
    return Desk(delivery, writer, sources, kept, pool, unapproved=unapproved, objects=slow)
