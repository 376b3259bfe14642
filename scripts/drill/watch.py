"""``invigil drill watch``: does the watch notice an attack in time, and leave honest people alone?

::

    invigil drill watch --runs 200 --honest-minutes 120 --clip CLIP --faces FOLDER --json

Each run plays every attack of `scripts.drill.footage` to the very watch that runs live, after some seconds of honest
footage, and asks when its kind was entered. A cover and a blackout have 4 s, a frozen feed, a still photo and a
second face 7 s, a loop its period and 12 s from the moment the recording begins. Then honest footage, five minutes of
each source at a time: nothing may be raised that a person would see.

The sources are the clip and the pictures of one frontal face in the folder, whose ``labels.csv`` says which. All of it
is made and seeded: it shows that the rules hold and catches what breaks them; it is no field figure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from engine.errors import NotFound
from engine.sources import Chance, chance
from proctoring.labels import LABELS_FILE, read_labels
from proctoring.model import MODEL_FILE, find_model
from proctoring.replay import Eye, Looked, Shot, incidents, replay
from proctoring.signals import THRESHOLDS, Act, Kind, Thresholds
from proctoring.vision import Pixels, decode, footage, letterbox
from scripts.console import Json, no, progress, tell
from scripts.drill.footage import ATTACKS, SIZE, honest, lively
from web.settings import Settings

#: What each attack must raise, and within how many seconds of its beginning (a loop: and its period).
EXPECTED: Final = {
    "cover": (Kind.CAMERA_COVERED, 4),
    "blackout": (Kind.CAMERA_COVERED, 4),
    "freeze": (Kind.CAMERA_FROZEN, 7),
    "freeze_anew": (Kind.CAMERA_FROZEN, 7),
    "still_photo": (Kind.CAMERA_FROZEN, 7),
    "second_face": (Kind.SEVERAL_FACES, 7),
    "loop": (Kind.FEED_LOOP, 12),
}
_IN_TIME: Final = 0.99
_LEAST_PERIOD, _MOST_PERIOD = 10, 24
_PIECE_FRAMES: Final = 300
_FRONTAL: Final = "faces look into the camera"
_MOST_TOLD: Final = 20


def command(
    clip: Annotated[Path, typer.Option(help="A clip of one person at a webcam.")],
    faces: Annotated[Path, typer.Option(help="A folder of pictures with labels.csv: more honest sources.")],
    runs: Annotated[int, typer.Option(min=1, max=100_000, help="How often each attack is played.")] = 20,
    honest_minutes: Annotated[int, typer.Option(min=0, max=100_000, help="Minutes of honest footage.")] = 10,
    seed: Annotated[int, typer.Option(help="Seed of all chance.")] = 1,
    as_json: Json = False,
) -> None:
    """Play attacks and honest footage to the watch; exit 1 when one was missed or something wrongly raised."""
    model = find_model(Settings().models)
    if model is None:
        raise NotFound("model", MODEL_FILE)
    moving = [letterbox(picture, 2 * SIZE[0], 2 * SIZE[1]) for _, picture in footage(clip, 1)]
    drill = WatchDrill(Eye(model), moving, sources_of(faces), chance(seed))
    found = drill.run(runs, honest_minutes)
    (tell if found["ok"] else no)(found, as_json, title="The watch, attacked and left alone")


def sources_of(folder: Path) -> dict[str, Pixels]:
    """The pictures of one face that looks into the camera, by name. Raises: `NotFound`, INPUT_INVALID."""
    table = folder / LABELS_FILE
    if not table.is_file():
        raise NotFound(LABELS_FILE, str(folder))
    names = [path.name for path in folder.iterdir() if path.is_file()]
    chosen = [one for one in read_labels(table.read_bytes(), names) if one.faces == 1 and _FRONTAL in one.conditions]
    return {one.file: letterbox(decode((folder / one.file).read_bytes()), 2 * SIZE[0], 2 * SIZE[1]) for one in chosen}


@dataclass(slots=True)
class WatchDrill:
    """One drill: ``moving`` are the clip's pictures, one a second, ``stills`` further people."""

    eye: Eye
    moving: Sequence[Pixels]
    stills: dict[str, Pixels]
    dice: Chance
    by: Thresholds = THRESHOLDS
    slowest: dict[str, list[float | None]] = field(default_factory=lambda: {name: [] for name in ATTACKS})

    def run(self, runs: int, honest_minutes: int) -> dict[str, Any]:
        for number in range(runs):
            for name in ATTACKS:
                self.slowest[name].append(self.attacked(name))
            progress(f"{number + 1} of {runs} runs")
        attacks = {name: self._counted(name) for name in ATTACKS}
        raised = list(self.left_alone(honest_minutes))
        missed = [name for name, told in attacks.items() if told["in_time"] < _IN_TIME * told["runs"]]
        return {
            "ok": not missed and not raised,
            "attacks": attacks,
            "missed": missed,
            "honest": {"minutes": honest_minutes, "sources": 1 + len(self.stills), "incidents": raised[:_MOST_TOLD]},
        }

    def attacked(self, name: str) -> float | None:
        """After how many seconds the attack was entered, less a loop's period; None when it was not."""
        kind, within_s = EXPECTED[name]
        period = self.dice.randrange(_LEAST_PERIOD, _MOST_PERIOD + 1)
        before = list(lively(self.moving, period, self.dice))
        shown = list(honest(self.moving, 6, self.dice))
        begun = len(shown)
        loops = name == "loop"
        shown += islice(ATTACKS[name](before, self.dice), within_s + 3 + (period if loops else 0))
        for told in incidents(self._seen(shown), self.by):
            if told.kind is kind and told.entered_ms >= begun * 1_000:
                return told.entered_ms / 1_000 - begun - (period if loops else 0)
        return None

    def left_alone(self, minutes: int) -> Iterator[dict[str, Any]]:
        """What honest footage raised and a person would have seen."""
        people: list[tuple[str, Sequence[Pixels]]] = [("the clip", self.moving)]
        people += [(name, [picture]) for name, picture in self.stills.items()]
        frames, turn = minutes * 60, 0
        while frames > 0:
            name, pictures = people[turn % len(people)]
            taken = min(frames, _PIECE_FRAMES)
            yield from self._raised(name, honest(pictures, taken, self.dice))
            frames, turn = frames - taken, turn + 1
            progress(f"{minutes - frames // 60} of {minutes} honest minutes")

    def _raised(self, name: str, shown: Iterable[bytes]) -> Iterator[dict[str, Any]]:
        for looked in self._seen(shown):
            for finding in looked.findings:
                if finding.act in {Act.ENTERED, Act.SHOWN} and finding.shown:
                    yield {"source": name, "kind": finding.kind.value, "at_s": (looked.at_ms or 0) // 1_000}

    def _seen(self, shown: Iterable[bytes]) -> Iterator[Looked]:
        shots = (Shot(f"frame {number}", number * 1_000, jpeg) for number, jpeg in enumerate(shown))
        return replay(shots, self.eye, self.by)

    def _counted(self, name: str) -> dict[str, Any]:
        times = self.slowest[name]
        entered = [each for each in times if each is not None]
        return {
            "runs": len(times),
            "entered": len(entered),
            "in_time": sum(each <= EXPECTED[name][1] for each in entered),
            "slowest_s": max(entered, default=None),
        }
