"""Answers that are files: a drawing, a photograph of a page, a document. Begun, sent in pieces, finished once.

An upload is announced with its size and SHA-256, sent piece by piece, and stands in the journal with its digest
when all of it is on the disk and is what was announced. Only then may an answer row name it.

* Only the sitting's own candidate, only for a question on the form, only while the sitting runs. What was begun in
  time may be finished inside the grace; it is flagged ``late``, as rows are.
* Whatever breaks in between costs nothing but what was not yet stored: the sender asks for the offset and goes on.
* Announcing the same file twice is one upload. A new file for a question takes the place of an unfinished one.
* Kinds are known by their first bytes, never by a name or by what a client says (OWASP ASVS 5.0, 5.2.2).
* A candidate's files never fill the disk under everybody's answers: there is a reserve, and limits for each sitting.

The events stand in a stream of their own, ``upload/<sitting>``; the bytes lie sealed in `engine.pieces`.

    upload = uploads.begin(person, sitting, Announced("q07", "image/png", size, digest))
    offset = uploads.put(person, sitting, upload.upload, 0, piece)      # again and again
    uploads.finish(person, sitting, upload.upload)                      # returns when it is in the journal
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from engine.delivery import Delivery
from engine.errors import NotFound, Refused
from engine.events import SYSTEM, Event, Recorded, event
from engine.keyring import Keyring
from engine.navigation import shut_since
from engine.pieces import HEAD_BYTES, Growing, Pieces
from engine.sitting import INTERRUPTED, Phase, Sitting
from engine.sources import Sources, between_ms
from engine.writer import Act, Transaction, Writer

MOST_BYTES: Final = 20_000_000
MOST_SITTING_BYTES: Final = 100_000_000
#: Uploads one sitting may begin over its life, whatever became of them.
MOST_BEGUN: Final = 256
#: What the disk must have left besides an upload: room for the answers of a whole day.
RESERVE_BYTES: Final = 256 << 20
#: First bytes of the kinds that are taken: PNG, JPEG, WebP, PDF (their specifications' signatures).
KINDS: Final = {
    "image/png": re.compile(rb"\x89PNG\r\n\x1a\n"),
    "image/jpeg": re.compile(rb"\xff\xd8\xff"),
    "image/webp": re.compile(rb"RIFF.{4}WEBP", re.DOTALL),
    "application/pdf": re.compile(rb"%PDF-"),
}
_SHA256: Final = re.compile(r"[0-9a-f]{64}")


@event()
class UploadBegun:
    """A candidate announced a file for one question. ``upload`` names it; ``sha256`` is of its bytes, in hex."""

    upload: str
    item: str
    media_type: str
    size_bytes: int
    sha256: str


@event()
class UploadFinished:
    """All of it is on the disk and is what was announced. ``standing`` is ``counted`` or ``late``."""

    upload: str
    item: str
    media_type: str
    size_bytes: int
    sha256: str
    standing: str


@event()
class UploadDropped:
    """It will not be finished. ``reason``: ``replaced``, ``damaged``, ``kind`` or ``unfinished``."""

    upload: str
    reason: str


@dataclass(frozen=True, slots=True)
class Announced:
    """What a sender says of a file before it sends it."""

    item: str
    media_type: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Upload:
    """One file of a sitting. ``finished_at`` and ``dropped_as`` are None while it is under way."""

    upload: str
    announced: Announced
    begun_at: datetime
    finished_at: datetime | None = None
    standing: str | None = None
    dropped_as: str | None = None

    @property
    def under_way(self) -> bool:
        return self.finished_at is None and self.dropped_as is None


@dataclass(frozen=True, slots=True)
class Files:
    """All files of one sitting: what the stream ``upload/<sitting>`` says."""

    uploads: dict[str, Upload] = field(default_factory=dict)

    @property
    def kept(self) -> tuple[Upload, ...]:
        """Those that take room: finished or under way."""
        return tuple(one for one in self.uploads.values() if one.dropped_as is None)

    def same(self, announced: Announced) -> Upload | None:
        """The upload of this very file for this very question, if there is one."""
        return next((one for one in self.kept if one.announced == announced), None)


class Fold:
    """How a stream ``upload/<sitting>`` becomes `Files` (see `engine.writer.Fold`)."""

    version = 1
    state = Files
    empty = Files()

    def evolve(self, state: Files, recorded: Recorded) -> Files:
        match recorded.event:
            case UploadBegun() as begun:
                told = Announced(begun.item, begun.media_type, begun.size_bytes, begun.sha256)
                return _with(state, Upload(begun.upload, told, recorded.at))
            case UploadFinished(upload=name, standing=standing) if name in state.uploads:
                return _with(state, replace(state.uploads[name], finished_at=recorded.at, standing=standing))
            case UploadDropped(upload=name, reason=reason) if name in state.uploads:
                return _with(state, replace(state.uploads[name], dropped_as=reason))
            case _:
                return state


# -- rules --------------------------------------------------------------------------------------------


def announced(told: Mapping[str, Any]) -> Announced:
    """Type and bound what a client announces. Raises: INPUT_INVALID, INPUT_TOO_LARGE, UPLOAD_KIND."""
    item, media_type, size, sha256 = (told.get(name) for name in ("item", "media_type", "size_bytes", "sha256"))
    if not isinstance(item, str) or len(item) > 16 or not item.isprintable():
        raise Refused("INPUT_INVALID", field="item")
    if not isinstance(size, int) or isinstance(size, bool) or size < 1:
        raise Refused("INPUT_INVALID", field="size_bytes")
    if not isinstance(sha256, str) or not _SHA256.fullmatch(sha256):
        raise Refused("INPUT_INVALID", field="sha256")
    if not isinstance(media_type, str) or media_type not in KINDS:
        raise Refused("UPLOAD_KIND", known=", ".join(KINDS))
    if size > MOST_BYTES:
        raise Refused("INPUT_TOO_LARGE", most_bytes=MOST_BYTES)
    return Announced(item, media_type, size, sha256)


def begin(state: Sitting, files: Files, at: datetime, upload: str, told: Announced) -> Sequence[Event]:
    """A new upload. Raises: NOT_NOW, TIME_OVER unless the sitting runs; ITEM_NOT_ON_FORM, ITEM_LOCKED; UPLOAD_LIMIT."""
    if state.phase is not Phase.RUNNING:
        raise Refused("TIME_OVER" if state.phase is Phase.TIME_EXPIRED else "NOT_NOW", phase=state.phase)
    if state.remaining_ms(at) <= 0:
        raise Refused("TIME_OVER")
    if state.form is None or state.form.at(told.item) is None:
        raise Refused("ITEM_NOT_ON_FORM", item=told.item)
    if shut_since(state, told.item, at) is not None:
        raise Refused("ITEM_LOCKED", item=told.item)
    replaced = [one for one in files.kept if one.under_way and one.announced.item == told.item]
    held = sum(one.announced.size_bytes for one in files.kept if one not in replaced)
    if len(files.uploads) >= MOST_BEGUN:
        raise Refused("UPLOAD_LIMIT", most=MOST_BEGUN)
    if held + told.size_bytes > MOST_SITTING_BYTES:
        raise Refused("UPLOAD_LIMIT", most_bytes=MOST_SITTING_BYTES)
    dropped = [UploadDropped(one.upload, "replaced") for one in replaced]
    return (*dropped, UploadBegun(upload, told.item, told.media_type, told.size_bytes, told.sha256))


def standing(state: Sitting, at: datetime, item: str) -> str:
    """What an upload for ``item`` that goes on now counts as: ``counted``, or ``late`` inside the grace.

    As for rows, an interruption, or the question's closing, lets what was under way arrive for as long as the grace.
    Raises: NOT_NOW, TIME_OVER, ITEM_LOCKED.
    """
    expires_at = state.watch.expires_at()
    since = state.grace_since if state.phase is Phase.TIME_EXPIRED else None
    if since is None and expires_at is not None and at >= expires_at:
        since = expires_at
    if since is not None:
        if between_ms(since, at) > state.policy.grace_ms:
            raise Refused("TIME_OVER")
        return "late"
    shut = shut_since(state, item, at)
    if shut is not None:
        if between_ms(shut, at) > state.policy.grace_ms:
            raise Refused("ITEM_LOCKED", item=item)
        return "late"
    if state.phase in {Phase.RUNNING, Phase.DISCONNECTED}:
        return "counted"
    assert state.phase_since is not None
    if state.phase in INTERRUPTED and between_ms(state.phase_since, at) <= state.policy.grace_ms:
        return "counted"
    raise Refused("NOT_NOW", phase=state.phase)


def kind_fits(media_type: str, head: bytes) -> bool:
    """Whether a file that begins with ``head`` is of the kind it was announced as."""
    return KINDS[media_type].match(head) is not None


# -- the door -----------------------------------------------------------------------------------------


class Uploads:
    """Every method may be called from any thread but the writer's own. ``folder`` is for these files alone."""

    def __init__(
        self,
        writer: Writer,
        sources: Sources,
        keyring: Keyring,
        delivery: Delivery,
        folder: Path,
        reserve_bytes: int = RESERVE_BYTES,
    ) -> None:
        self._writer = writer
        self._sources = sources
        self._delivery = delivery
        self._folder = folder
        self._reserve_bytes = reserve_bytes
        self._pieces = Pieces(folder, keyring)

    def begin(self, person: str, sitting: str, told: Announced) -> Upload:
        """Announce a file; the one that was announced before where it is the same.

        Raises: `NotFound` for another's sitting; what `begin` of the rules raises; STORAGE_FULL.
        """
        self._delivery.own(person, sitting)
        at, upload = self._sources.now(), self._sources.new_id("upl")
        roomy = self._has_room(told.size_bytes)

        def act(tx: Transaction) -> tuple[Upload, list[str]]:
            files: Files = tx.state(f"upload/{sitting}")
            known = files.same(told)
            if known is not None:
                return known, []
            events = begin(tx.state(f"sitting/{sitting}"), files, at, upload, told)
            if not roomy:
                raise Refused("STORAGE_FULL")
            tx.append(f"upload/{sitting}", person, at, *events)
            after: Files = tx.state(f"upload/{sitting}")
            return after.uploads[upload], [one.upload for one in events if isinstance(one, UploadDropped)]

        made, replaced = self._writer.run(Act(act))
        for name in replaced:
            self._pieces.drop(sitting, name)
        begun: Upload = made
        return begun

    def stands(self, person: str, sitting: str, upload: str) -> tuple[Upload, int]:
        """An upload and the offset at which it goes on. Raises: `NotFound` for any that is not this candidate's."""
        self._delivery.own(person, sitting)
        found = self._upload(sitting, upload)
        if not found.under_way:
            return found, found.announced.size_bytes if found.finished_at else 0
        return found, self._pieces.growing(sitting, upload).offset

    def put(self, person: str, sitting: str, upload: str, offset: int, piece: bytes) -> int:
        """Store one more piece and return the new offset.

        Raises: `NotFound`; NOT_NOW, TIME_OVER; UPLOAD_OFFSET with the right one; INPUT_TOO_LARGE beyond what was
        announced; UPLOAD_KIND when the first bytes are another kind's: then it is dropped; STORAGE_FULL.
        """
        state = self._delivery.own(person, sitting)
        found = self._under_way(sitting, upload)
        standing(state, self._sources.now(), found.announced.item)
        file = self._pieces.growing(sitting, upload)
        if file.offset != offset:
            raise Refused("UPLOAD_OFFSET", offset=file.offset)
        if offset + len(piece) > found.announced.size_bytes:
            raise Refused("INPUT_TOO_LARGE", most_bytes=found.announced.size_bytes)
        if not self._has_room(len(piece)):
            raise Refused("STORAGE_FULL", offset=file.offset)
        head = (file.head + piece[:HEAD_BYTES])[:HEAD_BYTES]
        whole = offset + len(piece) == found.announced.size_bytes
        if (len(head) == HEAD_BYTES or whole) and not kind_fits(found.announced.media_type, head):
            self._drop(sitting, upload, "kind")
            raise Refused("UPLOAD_KIND", known=", ".join(KINDS))
        return file.append(offset, piece) if piece else offset

    def finish(self, person: str, sitting: str, upload: str) -> Upload:
        """Everything was sent: sync it, hold it against its digest, and put it into the journal. Once is enough.

        Raises: UPLOAD_OFFSET while something is missing; UPLOAD_DAMAGED when it is not what was announced: then it
        is dropped, to be announced again; NOT_NOW, TIME_OVER; `NotFound`.
        """
        self._delivery.own(person, sitting)
        found = self._upload(sitting, upload)
        if found.finished_at is None:
            found = self._under_way(sitting, upload)
            file = self._pieces.growing(sitting, upload)
            self._hold_against(found, file, sitting)
            file.sync()
            found = self._record_finish(person, sitting, found)
        self._pieces.close(sitting, upload)
        return found

    def content(self, sitting: str, upload: str) -> bytes:
        """What was sent. Raises: `NotFound` unless it was finished; `Tampered` when it is not what was sealed."""
        found = self._upload(sitting, upload)
        if found.finished_at is None:
            raise NotFound("upload", upload)
        return self._pieces.content(sitting, upload, found.announced.sha256)

    def sweep(self) -> int:
        """Remove what will never be finished: its sitting is sealed, or the journal does not know it. How many."""
        swept = 0
        for sitting, name in self._pieces.unfinished():
            found = self._files(sitting).uploads.get(name)
            if found is not None and found.finished_at is not None:
                self._pieces.close(sitting, name)  # a crash came between the entry and the name
                continue
            if found is not None and found.under_way:
                if self._delivery.sitting(sitting).phase is not Phase.SEALED:
                    continue
                self._record(sitting, UploadDropped(name, "unfinished"))
            self._pieces.drop(sitting, name)
            swept += 1
        return swept

    # -- private --------------------------------------------------------------------------------------

    def _files(self, sitting: str) -> Files:
        stream = f"upload/{sitting}"
        known = self._writer.committed(stream)
        files: Files = known if known is not None else self._writer.run(Act(lambda tx: tx.state(stream)))
        return files

    def _upload(self, sitting: str, upload: str) -> Upload:
        found = self._files(sitting).uploads.get(upload)
        if found is None:
            raise NotFound("upload", upload)
        return found

    def _under_way(self, sitting: str, upload: str) -> Upload:
        """Raises: `NotFound` for one that was dropped, TERMINAL_STATE for one that is finished."""
        found = self._upload(sitting, upload)
        if found.dropped_as is not None:
            raise NotFound("upload", upload)
        if found.finished_at is not None:
            raise Refused("TERMINAL_STATE", upload=upload)
        return found

    def _hold_against(self, found: Upload, file: Growing, sitting: str) -> None:
        if file.offset < found.announced.size_bytes:
            raise Refused("UPLOAD_OFFSET", offset=file.offset)
        if file.sha256 != found.announced.sha256:
            self._drop(sitting, found.upload, "damaged")
            raise Refused("UPLOAD_DAMAGED", upload=found.upload)

    def _record_finish(self, person: str, sitting: str, found: Upload) -> Upload:
        at, told = self._sources.now(), found.announced
        stream = f"upload/{sitting}"

        def act(tx: Transaction) -> Upload:
            files: Files = tx.state(stream)
            if files.uploads[found.upload].under_way:  # two requests may finish one upload
                counts_as = standing(tx.state(f"sitting/{sitting}"), at, told.item)
                facts = (told.item, told.media_type, told.size_bytes, told.sha256)
                tx.append(stream, person, at, UploadFinished(found.upload, *facts, counts_as))
                files = tx.state(stream)
            return files.uploads[found.upload]

        finished: Upload = self._writer.run(Act(act))
        return finished

    def _drop(self, sitting: str, upload: str, reason: str) -> None:
        self._record(sitting, UploadDropped(upload, reason))
        self._pieces.drop(sitting, upload)

    def _record(self, sitting: str, dropped: UploadDropped) -> None:
        at = self._sources.now()

        def act(tx: Transaction) -> None:
            files: Files = tx.state(f"upload/{sitting}")
            if files.uploads[dropped.upload].under_way:
                tx.append(f"upload/{sitting}", SYSTEM, at, dropped)

        self._writer.run(Act(act))

    def _has_room(self, size_bytes: int) -> bool:
        place = self._folder if self._folder.is_dir() else self._folder.parent
        return shutil.disk_usage(place).free >= self._reserve_bytes + size_bytes


def _with(state: Files, upload: Upload) -> Files:
    return Files({**state.uploads, upload.upload: upload})
