"""The inventory of detectors: which may look at people, by whose word, and on what evidence.

* A detector is the thing itself: a name, the SHA-256 of its model, and the thresholds it goes by (`rules`). Change one
  of them and it is another detector, which nobody has approved. Thresholds it does not use change nothing.
* It is approved by a named person on an error sheet (`error_sheet`) of that very model and those very thresholds.
  The sheet's digest and its first figures stand in the journal with who and when. Approving asks for a password
  given lately; withdrawing does not, because stopping a detector must never wait.
* What is not approved does not run as a judge of anybody: its kinds are off in every sitting, and wall, room,
  `doctor` and log say so. Nothing else stops: a person watches, as with any candidate who chose so.
* The reduced detector (no model) cannot be approved. It only ever hints.
* Object hints (a plug-in) judge nobody: they are never incidents, so they need no approval and can have none.
* The checks without a model look at the picture and not at people. They stand here without an approval.

>>> DETECTORS["faces"].kinds == FACE_KINDS
True

Sources: EU AI Act Articles 9, 14, 15 and 26 (what is used is known, measured, approved and can be stopped);
ISO/IEC 17024:2012 clause 7.4.3 f.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from threading import Lock
from types import MappingProxyType
from typing import Any, Final

import orjson

from engine.errors import NotFound, Refused
from engine.events import Recorded, event
from engine.people import Role, require_role
from engine.sources import Sources
from engine.store import Connection, Database, Ledger
from engine.writer import Act, Transaction, Writer
from proctoring.conditions import CONDITIONS
from proctoring.error_sheet import SHEET, digest
from proctoring.signals import EVERY_KIND, FACE_KINDS, THRESHOLDS, Detector, Kind, Thresholds


@event()
class DetectorApproved:
    """A person approved a detector for use. ``sheet`` is the digest of the error sheet they read, ``figures`` its first
    line as JSON, ``rules`` the digest of the thresholds it goes by."""

    model_sha256: str
    thresholds: str
    sheet: str
    figures: str
    rules: str = ""


@event()
class DetectorWithdrawn:
    """A person took a detector out of use, whatever its model and thresholds."""

    reason: str


@dataclass(frozen=True, slots=True)
class Known:
    """A detector this program has. ``kinds`` are what it may notice; ``of_people``: it looks at people, so it must be
    approved; ``says`` what it does, in a sentence."""

    says: str
    kinds: frozenset[Kind]
    of_people: bool


@dataclass(frozen=True, slots=True)
class Approval:
    """Who approved which model with which thresholds, when, and on what sheet. ``thresholds`` is the version people
    read, ``rules`` what counts."""

    model_sha256: str
    thresholds: str
    sheet: str
    figures: str
    rules: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """Who took a detector out of use, when and why."""

    by: str
    at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Approvals:
    """The approvals of one detector that hold, oldest first; and the last withdrawal, until it is approved again."""

    held: tuple[Approval, ...] = ()
    withdrawn: Withdrawal | None = None

    def of(self, model_sha256: str, rules: str) -> Approval | None:
        """The newest for this model and these `rules`."""
        found = (one for one in reversed(self.held) if (one.model_sha256, one.rules) == (model_sha256, rules))
        return next(found, None)


#: The thresholds by which a frame is fit to be judged at all (`Thresholds.quality`).
_FITNESS: Final = frozenset({"covered_edge_share", "dark_luma", "blurred_laplacian"})

DETECTORS: Final = MappingProxyType(
    {
        "faces": Known("counts faces in a picture; says nothing about whose they are", FACE_KINDS, True),
        "picture": Known(
            "looks at the picture and the Line it comes by: covered, dark, still, missing",
            EVERY_KIND - FACE_KINDS - {Kind.OBJECT_HINT},
            False,
        ),
        "objects": Known(
            "a plug-in, off unless an operator names its model: hints that a telephone may be there",
            frozenset({Kind.OBJECT_HINT}),
            False,
        ),
    }
)


class Fold:
    version = 1
    state = Approvals
    empty = Approvals()

    def evolve(self, state: Approvals, recorded: Recorded) -> Approvals:
        match recorded.event:
            case DetectorApproved() as told:
                values = (told.model_sha256, told.thresholds, told.sheet, told.figures, told.rules)
                return Approvals((*state.held, Approval(*values, recorded.actor, recorded.at)))
            case DetectorWithdrawn(reason=reason):
                return Approvals((), Withdrawal(recorded.actor, recorded.at, reason))
        return state


class Inventory:
    """The door to it. What holds is kept in memory and read anew after every act of this process."""

    def __init__(self, writer: Writer, database: Database, sources: Sources) -> None:
        self._writer = writer
        self._database = database
        self._sources = sources
        self._lock = Lock()
        self._approvals: dict[str, Approvals] = {}
        self._acts = 0  # going on now: what is read meanwhile may be out of date a moment later, and is not kept

    def approve(self, person: str, detector: str, sheet: Mapping[str, Any], model_sha256: str) -> Approval:
        """Approve ``detector`` with the model of ``model_sha256`` (of this installation) on an error ``sheet``.

        Raises: `NotFound` for an unknown detector; INPUT_INVALID for a sheet that is none, was changed, or is of
        another model; ROLE_MISSING and its kin.
        """
        _must_know(detector)
        held = check_sheet(detector, sheet, model_sha256)
        figures = orjson.dumps(sheet["lines"][0], option=orjson.OPT_SORT_KEYS).decode()
        version = str(sheet["thresholds"].get("version"))[:60]
        self._append(person, detector, DetectorApproved(model_sha256, version, sheet["digest"], figures, held))
        found = self.approvals(detector).of(model_sha256, held)
        assert found is not None
        return found

    def withdraw(self, person: str, detector: str, reason: str) -> None:
        """Take ``detector`` out of use at once. Raises: `NotFound`, ROLE_MISSING and its kin."""
        _must_know(detector)
        self._append(person, detector, DetectorWithdrawn(reason))

    def approvals(self, detector: str) -> Approvals:
        """What holds of ``detector``."""
        with self._lock:
            known = self._approvals.get(detector)
            if known is None:
                known = self._read(detector)
                if not self._acts:
                    self._approvals[detector] = known
            return known

    def unapproved(self, model_sha256: str, by: Thresholds) -> frozenset[Kind]:
        """The kinds that are off under thresholds ``by``, for want of an approval of this model. A detector without a
        model only hints, and judges nobody: nothing is off for it."""
        if not model_sha256:
            return frozenset()
        return frozenset().union(
            *(
                known.kinds
                for name, known in DETECTORS.items()
                if known.of_people and self.approvals(name).of(model_sha256, rules(name, by)) is None
            )
        )

    def listed(self, model_sha256: str, objects_sha256: str = "", by: Thresholds = THRESHOLDS) -> list[dict[str, Any]]:
        """Every detector as plain values, with the approval of what is installed now, or None."""
        models = {"faces": model_sha256, "objects": objects_sha256}
        return [self._entry(name, known, models.get(name, ""), by) for name, known in DETECTORS.items()]

    def _entry(self, name: str, known: Known, model: str, by: Thresholds) -> dict[str, Any]:
        approval = self.approvals(name).of(model, rules(name, by)) if model and known.of_people else None
        return {
            "detector": name,
            "says": known.says,
            "notices": sorted(kind.value for kind in known.kinds),
            "model_sha256": model or None,
            "thresholds": by.version,
            "standing": _standing(name, known, model, approval),
            "approved_by": approval and approval.by,
            "approved_at": approval and approval.at,
            "sheet": approval and approval.sheet,
            "figures": approval and orjson.loads(approval.figures),
            "withdrawn": asdict(gone) if (gone := self.approvals(name).withdrawn) is not None else None,
            "also_approved": [asdict(one) for one in self.approvals(name).held if one != approval],
        }

    def _append(self, person: str, detector: str, happened: DetectorApproved | DetectorWithdrawn) -> None:
        at = self._sources.now()

        def fn(tx: Transaction) -> None:
            require_role(tx.connection, person, Role.ADMINISTRATOR, at)
            tx.append(f"detector/{detector}", person, at, happened)

        self._forget(detector, acts=+1)
        try:
            self._writer.run(Act(fn))
        finally:
            self._forget(detector, acts=-1)

    def _forget(self, detector: str, acts: int) -> None:
        with self._lock:
            self._acts += acts
            self._approvals.pop(detector, None)

    def _read(self, detector: str) -> Approvals:
        with self._database.reading() as connection:
            return approvals(connection, detector)


def approvals(connection: Connection, detector: str) -> Approvals:
    """What holds of ``detector``, as the journal has it."""
    state = Approvals()
    for recorded in Ledger(connection).history(f"detector/{detector}"):
        state = Fold().evolve(state, recorded)
    return state


def rules(detector: str, by: Thresholds) -> str:
    """The digest of the thresholds that ``detector`` goes by: those of its kinds, and of whether a frame is fit."""
    return _rules(detector, asdict(by))


def check_sheet(detector: str, sheet: Mapping[str, Any], model_sha256: str) -> str:
    """The `rules` that ``sheet`` was made with, when it is what `error_sheet.sheet` made of this model.

    Raises: INPUT_INVALID, saying what is wrong and what to do.
    """
    told = {name: value for name, value in sheet.items() if name not in {"ok", "unread"}}
    lines = told.get("lines")
    first = lines[0] if isinstance(lines, list) and lines else None
    if told.get("sheet") != SHEET or not isinstance(told.get("thresholds"), dict) or not isinstance(first, dict):
        raise _no("it is no error sheet of this release", "Make one: invigil proctor report FOLDER --out FILE")
    if digest(told) != told.get("digest"):
        raise _no("it was changed after it was made", "Make it again, and change nothing in it.")
    if told.get("detector") != Detector.YUNET.value or told.get("model_sha256") != model_sha256 or not model_sha256:
        raise _no("it is of another model than the one installed here", "Make one with the model installed here.")
    try:
        return _rules(detector, told["thresholds"])
    except KeyError:
        raise _no("its thresholds are those of another release", "Make one with this release.") from None


def _rules(detector: str, values: Mapping[str, Any]) -> str:
    names = {name for kind in DETECTORS[detector].kinds for name in CONDITIONS[kind].names} | _FITNESS
    used = {name: values[name] for name in names}
    return hashlib.sha256(orjson.dumps(used, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _must_know(detector: str) -> None:
    known = DETECTORS.get(detector)
    if known is None or not known.of_people:
        raise NotFound("detector that has to be approved", detector)


def _standing(name: str, known: Known, model: str, approval: Approval | None) -> str:
    if name == "objects":
        return "hints only; no approval makes it more" if model else "off: no model is named"
    if not known.of_people:
        return "runs; needs no approval, for it looks at no person"
    if not model:
        return "reduced: no model; hints only"
    return "OFF: not approved" if approval is None else "runs"


def _no(why: str, what_to_do: str) -> Refused:
    return Refused("INPUT_INVALID", field="sheet", why=why, what_to_do=what_to_do)
