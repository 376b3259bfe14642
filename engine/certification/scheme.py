"""The certification scheme: what is certified, by which criteria, and on which grounds anybody decides.

A scheme is a stream ``scheme/<id>``; each of its versions is drafted by one person and made active by
another. What the standard asks a scheme to hold stands in `PARTS` (ISO/IEC 17024:2012 clauses 8.2, 8.3):
every part is written down or, where the standard says "where applicable", is declared not applicable with
a reason. Nothing becomes active before that.

* Deciders answer the scheme's *criteria* and choose *reasons* of the scheme; there is no free text
  (clause 9.4.3). *Causes* are the only grounds for a later suspension or withdrawal (8.3, 9.5).
* A version never changes once drafted; a running candidate keeps the version they applied under.
* The numbers (two deciders, validity, cut) are the body's policy, not the standard's.

>>> missing_parts(parse_scheme({"scheme": "est", "version": 1, "title": "Technician", "body": "A body"}))[:2]
('scope', 'job-and-task')
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from engine.certification import store
from engine.errors import NotFound, Refused
from engine.events import Event, Recorded, event
from engine.people import Role, require_role
from engine.sources import Sources
from engine.store import Connection, Database, Put, RowOp
from engine.streams import of_streams
from engine.writer import Act, Transaction, Writer

#: The parts of a scheme (clause 8.2, then 8.3), in the order people read them.
PARTS: Final = (
    "scope",
    "job-and-task",
    "competence",
    "abilities",
    "prerequisites",
    "code-of-conduct",
    "certification-criteria",
    "assessment-methods",
    "recertification",
    "surveillance",
    "suspension-and-withdrawal",
    "scope-change",
)
#: Parts that apply only to some schemes; the others cannot be declared not applicable.
WHERE_APPLICABLE: Final = frozenset({"abilities", "prerequisites", "code-of-conduct", "surveillance", "scope-change"})
OUTCOMES: Final = ("GRANT", "REFUSE", "DEFER")
DECIDERS_DEFAULT = 2
MOST_DECIDERS = 5
MOST_MONTHS = 60
MOST_TEXT = 20_000
MOST_LISTED = 64
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,59}")


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the scheme: its ``text``, or why it does not apply."""

    text: str = ""
    not_applicable: str = ""


@dataclass(frozen=True, slots=True)
class SchemeVersion:
    """One edition of a scheme.

    Attributes:
        scheme, version: its identifier and edition, as printed on certificates.
        body: the certification body's name.
        authoriser: who answers for the body's certificates (clause 9.4.7).
        parts: by the names of `PARTS`.
        criteria: what each decider answers with yes or no, by name.
        reasons: for each of `OUTCOMES` the reasons a vote may give, by name.
        causes: grounds for suspension or withdrawal, by name.
        deciders: how many decide, before any tie.
        months: how long a certificate is valid, and ``months_why`` that is justified (clause 9.6.3).
        cut: the share of points, above 0 up to 1, from which a result is a pass.
    """

    scheme: str
    version: int
    title: str
    body: str
    authoriser: str = ""
    parts: dict[str, Part] = field(default_factory=dict)
    criteria: dict[str, str] = field(default_factory=dict)
    reasons: dict[str, dict[str, str]] = field(default_factory=dict)
    causes: dict[str, str] = field(default_factory=dict)
    deciders: int = DECIDERS_DEFAULT
    months: int = 36
    months_why: str = ""
    cut: float = 0.7

    @property
    def scope(self) -> str:
        """The scope as certificates and the public check print it."""
        return self.parts.get("scope", Part()).text

    def reason(self, outcome: str, reason: str) -> str:
        """The text of a reason for ``outcome``. Raises: REASON_NOT_IN_SCHEME."""
        text = self.reasons.get(outcome, {}).get(reason)
        if text is None:
            raise Refused("REASON_NOT_IN_SCHEME", outcome=outcome, reason=reason)
        return text


@event()
class SchemeDrafted:
    content: SchemeVersion


@event()
class SchemeActivated:
    version: int


@dataclass(frozen=True, slots=True)
class Edition:
    """A version and who made it what it is. ``activated_by`` None means it is still a draft."""

    content: SchemeVersion
    drafted_by: str
    drafted_at: datetime
    activated_by: str | None = None
    activated_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Scheme:
    """All editions of one scheme. ``active`` is the number of the one new candidates apply under."""

    editions: dict[int, Edition] = field(default_factory=dict)
    active: int = 0


class Fold:
    version = 1
    state = Scheme
    empty = Scheme()

    def evolve(self, state: Scheme, recorded: Recorded) -> Scheme:
        match recorded.event:
            case SchemeDrafted(content=content):
                edition = Edition(content, recorded.actor, recorded.at)
                return replace(state, editions={**state.editions, content.version: edition})
            case SchemeActivated(version=number):
                active = replace(state.editions[number], activated_by=recorded.actor, activated_at=recorded.at)
                return replace(state, editions={**state.editions, number: active}, active=number)
            case _:
                return state


# -- commands -----------------------------------------------------------------------------------------


def draft(state: Scheme, content: SchemeVersion) -> Sequence[Event]:
    """A new edition, complete or not. Drafting the very same again changes nothing.

    Raises: STALE_VERSION unless its number follows the last one.
    """
    known = state.editions.get(content.version)
    if known is not None and known.content == content:
        return ()
    if content.version != len(state.editions) + 1:
        raise Refused("STALE_VERSION", version=content.version, last=len(state.editions))
    return (SchemeDrafted(content),)


def activate(state: Scheme, version: int, person: str) -> Sequence[Event]:
    """Raises: SOD_SECOND_PERSON for whoever drafted it; SCHEME_INCOMPLETE naming what is missing;
    STALE_VERSION for an edition older than the active one."""
    edition = state.editions.get(version)
    if edition is None:
        raise NotFound("scheme version", str(version))
    if state.active == version:
        return ()
    if version < state.active:
        raise Refused("STALE_VERSION", version=version, active=state.active)
    if person == edition.drafted_by:
        raise Refused("SOD_SECOND_PERSON", drafted_by=edition.drafted_by)
    missing = missing_parts(edition.content)
    if missing:
        raise Refused("SCHEME_INCOMPLETE", missing=", ".join(missing))
    return (SchemeActivated(version),)


def missing_parts(content: SchemeVersion) -> tuple[str, ...]:
    """What still stands between this edition and being active, in reading order."""
    missing = [name for name in PARTS if not _told(name, content.parts.get(name, Part()))]
    lists = {
        "criteria": content.criteria,
        "reasons.GRANT": content.reasons.get("GRANT"),
        "reasons.REFUSE": content.reasons.get("REFUSE"),
        "causes": content.causes,
        "validity.rationale": content.months_why,
        "authoriser": content.authoriser,
    }
    return (*missing, *(name for name, held in lists.items() if not held))


def edition_of(state: Scheme, version: int) -> SchemeVersion:
    """The edition a candidate sits under; it stays good for them after a newer one.

    Raises: SCHEME_NOT_ACTIVE when it never was made active.
    """
    edition = state.editions.get(version or state.active)
    if edition is None or edition.activated_by is None:
        raise Refused("SCHEME_NOT_ACTIVE", version=version)
    return edition.content


def _told(name: str, part: Part) -> bool:
    return bool(part.text) or (name in WHERE_APPLICABLE and bool(part.not_applicable))


# -- reading a file's content -------------------------------------------------------------------------


def parse_scheme(raw: Mapping[str, Any]) -> SchemeVersion:
    """A version from plain data, as a TOML file holds it. Missing parts are no error here: `activate` asks.

    Tables: ``validity`` (months, rationale), ``parts`` (a text, or ``{not_applicable = "why"}``),
    ``criteria``, ``causes`` and ``reasons.GRANT``, ``reasons.REFUSE``, ``reasons.DEFER`` (name = text).

    Raises: INPUT_INVALID, naming the field, for anything unknown, of another type, or out of bounds.
    """
    known = {"scheme", "version", "title", "body", "authoriser", "validity", "parts", "criteria", "reasons", "causes"}
    _only(raw, known | {"deciders", "cut"}, "")
    validity = _table(raw, "validity")
    _only(validity, {"months", "rationale"}, "validity.")
    parts, reasons = _table(raw, "parts"), _table(raw, "reasons")
    _only(parts, set(PARTS), "parts.")
    _only(reasons, set(OUTCOMES), "reasons.")
    scheme = _text(raw, "scheme", 60, needed=True)
    if not _NAME.fullmatch(scheme):
        raise Refused("INPUT_INVALID", field="scheme")
    return SchemeVersion(
        scheme=scheme,
        version=_whole(raw, "version", 1, 9_999, 1),
        title=_line(raw, "title", needed=True),
        body=_line(raw, "body", needed=True),
        authoriser=_line(raw, "authoriser"),
        parts={name: _part(parts, name) for name in parts},
        criteria=_texts(raw, "criteria"),
        reasons={outcome: _texts(reasons, outcome) for outcome in reasons},
        causes=_texts(raw, "causes"),
        deciders=_whole(raw, "deciders", 1, MOST_DECIDERS, DECIDERS_DEFAULT),
        months=_whole(validity, "months", 1, MOST_MONTHS, 36),
        months_why=_text(validity, "rationale", MOST_TEXT),
        cut=_share(raw, "cut", 0.7),
    )


def _part(parts: Mapping[str, Any], name: str) -> Part:
    if isinstance(parts[name], Mapping):
        told = _table(parts, name)
        _only(told, {"not_applicable"}, f"parts.{name}.")
        return Part(not_applicable=_text(told, "not_applicable", MOST_TEXT, needed=True))
    return Part(text=_line(parts, name) if name == "scope" else _text(parts, name, MOST_TEXT))


def _texts(raw: Mapping[str, Any], name: str) -> dict[str, str]:
    table = _table(raw, name)
    if len(table) > MOST_LISTED or not all(isinstance(key, str) and _NAME.fullmatch(key) for key in table):
        raise Refused("INPUT_INVALID", field=name)
    return {key: _text(table, key, 2_000, needed=True) for key in table}


def _only(raw: Mapping[str, Any], known: set[str], where: str) -> None:
    for name in raw:
        if name not in known:
            raise Refused("INPUT_INVALID", field=f"{where}{str(name)[:60]}", why="unknown")


def _table(raw: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = raw.get(name, {})
    if not isinstance(value, Mapping):
        raise Refused("INPUT_INVALID", field=name)
    return value


def _text(raw: Mapping[str, Any], name: str, most: int, *, needed: bool = False) -> str:
    value = raw.get(name, "")
    if not isinstance(value, str) or len(value) > most or (needed and not value.strip()):
        raise Refused("INPUT_INVALID", field=name)
    return value.strip()


def _line(raw: Mapping[str, Any], name: str, *, needed: bool = False) -> str:
    """A text of one line, as it must be to stand on a certificate."""
    value = " ".join(_text(raw, name, 1_000, needed=needed).split())
    if not value.isprintable():
        raise Refused("INPUT_INVALID", field=name)
    return value


def _whole(raw: Mapping[str, Any], name: str, least: int, most: int, default: int) -> int:
    value = raw.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise Refused("INPUT_INVALID", field=name, least=least, most=most)
    return value


def _share(raw: Mapping[str, Any], name: str, default: float) -> float:
    value = raw.get(name, default)
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value <= 1:
        raise Refused("INPUT_INVALID", field=name)
    return float(value)


# -- the door -----------------------------------------------------------------------------------------


class Schemes:
    """Drafting is an administrator's act; activation that of a second person who manages content: another
    administrator or a reviewer. Both are checked inside the transaction."""

    def __init__(self, writer: Writer, database: Database, sources: Sources) -> None:
        self._writer = writer
        self._database = database
        self._sources = sources

    def draft(self, person: str, content: SchemeVersion) -> None:
        """Raises: ROLE_MISSING, ROLE_INACTIVE, COMMITMENT_EXPIRED, STALE_VERSION."""
        at, stream = self._sources.now(), f"scheme/{content.scheme}"

        def fn(tx: Transaction) -> None:
            require_role(tx.connection, person, Role.ADMINISTRATOR, at)
            tx.append(stream, person, at, *draft(tx.state(stream), content))

        self._writer.run(Act(fn))

    def activate(self, person: str, scheme: str, version: int) -> None:
        """Raises: SOD_SECOND_PERSON, SCHEME_INCOMPLETE, ROLE_MISSING …, `NotFound`."""
        at, stream = self._sources.now(), f"scheme/{scheme}"

        def fn(tx: Transaction) -> None:
            _require_content_role(tx.connection, person, at)
            tx.append(stream, person, at, *activate(tx.state(stream), version, person))

        self._writer.run(Act(fn))

    def edition(self, scheme: str, version: int = 0) -> SchemeVersion:
        """That version, or the active one for 0. Raises: SCHEME_NOT_ACTIVE."""
        found: SchemeVersion = self._writer.run(Act(lambda tx: edition_of(tx.state(f"scheme/{scheme}"), version)))
        return found

    def all(self) -> list[dict[str, Any]]:
        """Every version: scheme, version, title, phase, drafted_by, activated_by."""
        with self._database.reading() as connection:
            return store.schemes(connection)


@of_streams("scheme")
def project(recorded: Recorded, state: Any) -> Iterable[RowOp]:
    """The list of scheme versions. Activating one supersedes those before it."""
    if not isinstance(state, Scheme):
        return
    scheme = recorded.stream.partition("/")[2]
    for number, edition in state.editions.items():
        yield Put(
            "scheme",
            {
                "scheme": scheme,
                "version": number,
                "title": edition.content.title,
                "phase": _phase(state, number),
                "drafted_by": edition.drafted_by,
                "activated_by": edition.activated_by or "",
            },
        )


def _phase(state: Scheme, number: int) -> str:
    if number == state.active:
        return "ACTIVE"
    return "DRAFT" if state.editions[number].activated_by is None else "SUPERSEDED"


def _require_content_role(connection: Connection, person: str, at: datetime) -> None:
    try:
        require_role(connection, person, Role.ADMINISTRATOR, at)
    except Refused as refused:
        if refused.code != "ROLE_MISSING":
            raise
        require_role(connection, person, Role.REVIEWER, at)
