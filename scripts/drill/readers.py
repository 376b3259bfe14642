"""``invigil drill readers``: real files, damaged on purpose, given to everything that reads files of strangers.

::

    invigil drill readers --times 20000 --seed 1 --corpus ../shared/data/qti

Each try takes a package or a file of the corpus, damages one file in it (or the packed zip file as a whole) and reads
it as `invigil bank check` would; what is accepted is also scored once, without an answer, and read as an import would,
which draws its page. A reader may take it or refuse it. Anything else is a crash; what computes longer than
``--limit-s`` is a hang (the processor's time, so other work on the machine does not count). Both are told with the
number of the try, and ``--keep`` writes the input down.

The corpus is a folder; without one, the packages of the demo. Equal seeds try equal files.
"""

from __future__ import annotations

import io
import resource
import signal
import sys
import tempfile
import traceback
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from engine.errors import InvigilError, NotFound
from engine.sources import Chance, chance
from item_bank.cases import scored
from item_bank.qti.package import read_package
from scripts.console import Json, no, progress, tell
from scripts.drill.mutation import mutated

_DEMO: Final = Path(__file__).resolve().parents[2] / "item_bank" / "packages"
_MANIFEST: Final = "imsmanifest.xml"
#: A package that is larger is taken file by file.
_LARGEST_SEED: Final = 300_000
_MOST_BESIDE: Final = 12
_MOST_FAULTS: Final = 20
_TOLD_EVERY: Final = 1_000

#: One input before the damage: its files by name.
Seed = Mapping[str, bytes]


def command(
    times: Annotated[int, typer.Option(min=1, max=10_000_000, help="How many damaged inputs to try.")] = 1_000,
    seed: Annotated[int, typer.Option(help="Seed of the choice of files and of the damage.")] = 1,
    corpus: Annotated[Path, typer.Option(help="A folder of real files. [default: the demo's packages]")] = _DEMO,
    limit_s: Annotated[float, typer.Option(min=0.1, max=600, help="What computes longer is a hang.")] = 10.0,
    keep: Annotated[Path | None, typer.Option(help="A folder for the inputs that crashed or hung.")] = None,
    as_json: Json = False,
) -> None:
    """Give damaged files to every reader; exit 1 when one crashed or hung."""
    if not corpus.is_dir():
        raise NotFound("folder", str(corpus))
    seeds = tuple(seeds_of(corpus))
    if not seeds:
        raise NotFound("file to damage", str(corpus))
    found = Readers(seeds, chance(seed), limit_s, keep).run(times)
    (no if found["crashed"] or found["hung"] else tell)(found, as_json, title="Damaged files, read")


def seeds_of(corpus: Path) -> Iterator[Seed]:
    """Every package of the corpus that is small, and every file by itself with the pictures it names."""
    files = {path.relative_to(corpus).as_posix(): path for path in sorted(corpus.rglob("*")) if path.is_file()}
    for name, path in files.items():
        if path.name == _MANIFEST and (seed := _package(path.parent)):
            yield seed
        if path.stat().st_size <= _LARGEST_SEED:
            data = path.read_bytes()
            yield {name: data, **_beside(name, data, files)}


def _package(folder: Path) -> dict[str, bytes]:
    """The files of one package, or of the first of them that are not too many."""
    seed, size = {}, 0
    for path in sorted(one for one in folder.rglob("*") if one.is_file()):
        size += path.stat().st_size
        if size <= _LARGEST_SEED:
            seed[path.relative_to(folder).as_posix()] = path.read_bytes()
    return seed


def _beside(name: str, data: bytes, files: Mapping[str, Path]) -> dict[str, bytes]:
    folder = name.rpartition("/")[0]
    near = {other: path for other, path in files.items() if other != name and other.startswith(folder)}
    named = [other for other, path in near.items() if path.name.encode() in data]
    small = [other for other in named if near[other].stat().st_size <= _LARGEST_SEED]
    return {other: near[other].read_bytes() for other in small[:_MOST_BESIDE]}


class HungError(BaseException):
    """Raised by the alarm into whatever is still running."""


@dataclass(slots=True)
class Readers:
    """One drill."""

    seeds: tuple[Seed, ...]
    dice: Chance
    limit_s: float
    keep: Path | None = None
    counted: Counter[str] = field(default_factory=Counter)
    longest_s: float = 0.0
    faults: list[dict[str, Any]] = field(default_factory=list)

    def run(self, times: int) -> dict[str, Any]:
        with tempfile.TemporaryDirectory(prefix="invigil-readers-") as folder:
            for number in range(times):
                self._try(number, Path(folder) / "input.zip")
                if number % _TOLD_EVERY == _TOLD_EVERY - 1:
                    progress(f"{number + 1} of {times} tried")
        crashed, hung = self.counted["crashed"], self.counted["hung"]
        return {
            "ok": not crashed and not hung,
            "tried": times,
            "accepted": self.counted["accepted"],
            "refused": self.counted["refused"],
            "crashed": crashed,
            "hung": hung,
            "longest_s": round(self.longest_s, 3),
            "largest_mb": _largest_mb(),
            "faults": self.faults,
        }

    def _try(self, number: int, path: Path) -> None:
        path.write_bytes(self._damaged())
        started = _computed_s()
        try:
            with _alarm(self.limit_s):
                self.counted["accepted" if _taken(path) else "refused"] += 1
        except InvigilError:
            self.counted["refused"] += 1
        except HungError:
            self._fault("hung", number, path, "")
        except Exception as error:  # noqa: BLE001 — whatever comes up is what this drill looks for
            self._fault("crashed", number, path, f"{type(error).__name__}: {error} {_place(error)}")
        self.longest_s = max(self.longest_s, _computed_s() - started)

    def _damaged(self) -> bytes:
        """A zip file of one seed: one file in it damaged, or, one time in eight, the zip file itself."""
        seed = self.dice.choice(self.seeds)
        others = tuple(self.dice.choice(self.seeds).values())
        if self.dice.random() < 0.125:
            return mutated(_packed(seed), others, self.dice)
        name = self.dice.choice(sorted(seed))
        return _packed({**seed, name: mutated(seed[name], others, self.dice)})

    def _fault(self, kind: str, number: int, path: Path, what: str) -> None:
        self.counted[kind] += 1
        if len(self.faults) < _MOST_FAULTS:
            self.faults.append({"try": number, "kind": kind, "what": what[:400]})
        if self.keep is not None:
            self.keep.mkdir(parents=True, exist_ok=True)
            (self.keep / f"{kind}-{number}.zip").write_bytes(path.read_bytes())


def _taken(path: Path) -> bool:
    """Whether some item was accepted. An accepted item must also score, or say why not, and have a page."""
    read = read_package(path, apart=True)
    for entry in read.entries:
        scored(entry.item, [], 0)
    if read.entries:
        read_package(path)  # as an import does, which draws each item's page to see whether it can
    return bool(read.entries)


def _packed(files: Seed) -> bytes:
    into = io.BytesIO()
    with zipfile.ZipFile(into, "w", zipfile.ZIP_STORED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return into.getvalue()


@contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    def ring(*_: object) -> None:
        raise HungError

    before: Callable[..., Any] | int | None = signal.signal(signal.SIGPROF, ring)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def _place(error: Exception) -> str:
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"({Path(last.filename).name}:{last.lineno})"


def _computed_s() -> float:
    """How long this process has computed."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _largest_mb() -> int:
    """The most memory this process has held."""
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used >> (20 if sys.platform == "darwin" else 10)
