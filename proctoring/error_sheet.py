"""The error sheet: how often the eye is right on pictures people have labelled, and what that cannot say.

It goes into the instructions for use, before anybody is watched by this detector. Its rules:

* Two flags may follow from one frame: *no face* and *several faces*, by the very thresholds of the watch. Each has a
  precision (of those flagged, how many rightly) and a recall (of those there, how many flagged).
* A frame that is unfit to be judged (dark, blurred, covered) flags nothing; how many there were is told.
* Every share carries its 95 % interval by Wilson's method. Ten of ten is no 100 %: it is "at least 72 %".
* It is told for all pictures, for each labelled condition, for each band of light that was measured, and for
  each group that people gave for themselves. Fewer than `THIN` pictures are called thin, by name.
* Without group labels there is no word about fairness, only the sentence that there can be none.

>>> wilson(10, 10).low, wilson(10, 10).high
(0.7225, 1.0)

Sources: Wilson 1927, doi 10.1080/01621459.1927.10502953; EU AI Act Articles 13 and 15 (declared accuracy);
the four-fifths idea is not used: a ratio of shares is printed and judged by a person.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import sqrt
from typing import Any, Final

import orjson

from proctoring.labels import Label
from proctoring.replay import Looked
from proctoring.signals import THRESHOLDS, Detector, Observation, Quality, Thresholds

#: The version of this form; an approval reads only the one it knows.
SHEET: Final = "invigil error sheet 1"
THIN: Final = 30
_Z95: Final = 1.959964
#: Mean grey of a picture, up to which a band reaches; `Thresholds.dark_luma` ends the first.
_BANDS: Final = ((60.0, "light: dim"), (170.0, "light: ordinary"), (256.0, "light: bright"))


@dataclass(frozen=True, slots=True)
class Share:
    """``right`` of ``of``, with its 95 % interval. Of nothing there is no share: ``share`` is None."""

    right: int
    of: int
    share: float | None
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Case:
    """A labelled picture and what the eye made of it."""

    label: Label
    observed: Observation


@dataclass(frozen=True, slots=True)
class Line:
    """The figures of one set of pictures.

    ``counted``: right on none, one, or more than one face. ``several_near``: of those with several, how many show two
    near enough for the watch to note. The errors that accuse: ``missed``, of those with a face, how many frames would
    count towards "no face" all the same; ``doubled``, of those with at most one, how many towards "several".
    """

    of: str
    pictures: int
    unfit: int
    counted: Share
    no_face_precision: Share
    no_face_recall: Share
    several_precision: Share
    several_recall: Share
    several_near: Share
    missed: Share
    doubled: Share


def wilson(right: int, of: int) -> Share:
    """The share ``right`` of ``of`` and the interval that holds the true one in 95 of 100 such samples."""
    if not of:
        return Share(right, of, None, 0.0, 1.0)
    share, square = right / of, _Z95 * _Z95
    middle = (share + square / (2 * of)) / (1 + square / of)
    half = _Z95 / (1 + square / of) * sqrt(share * (1 - share) / of + square / (4 * of * of))
    low, high = max(0.0, middle - half), min(1.0, middle + half)
    return Share(right, of, round(share, 4), round(low, 4) if right else 0.0, round(high, 4) if right < of else 1.0)


def cases(looked: Iterable[Looked], labels: Iterable[Label]) -> tuple[Case, ...]:
    """Each label with what was seen of its picture; pictures that could not be read are left out."""
    seen = {one.file: one.observed for one in looked}
    return tuple(Case(label, found) for label in labels if (found := seen.get(label.file)) is not None)


def table(given: Sequence[Case], by: Thresholds = THRESHOLDS) -> tuple[Line, ...]:
    """The figures of all, then of each condition, each band of light, each group."""
    slices: dict[tuple[int, str], list[Case]] = {(0, "all"): list(given)}
    for case in given:
        group = [(3, f"group: {case.label.group}")] if case.label.group else []
        conditions = [(1, name) for name in case.label.conditions]
        for place in (*conditions, (2, band(case.observed, by)), *group):
            slices.setdefault(place, []).append(case)
    return tuple(line(name, each, by) for (_, name), each in sorted(slices.items()))


def line(name: str, given: Sequence[Case], by: Thresholds = THRESHOLDS) -> Line:
    def fit(case: Case) -> bool:
        return by.quality(case.observed) is Quality.GOOD

    def none(case: Case) -> bool:
        return fit(case) and by.faces(case.observed) == 0

    def several(case: Case) -> bool:
        return fit(case) and (by.faces(case.observed) or 0) > 1

    def near(case: Case) -> bool:
        return fit(case) and by.several(case.observed)

    def counted(case: Case) -> bool:
        return min(by.faces(case.observed) or 0, 2) == min(case.label.faces, 2)

    def share(among: Iterable[Case], holds: Callable[[Case], bool]) -> Share:
        found = [holds(case) for case in among]
        return wilson(sum(found), len(found))

    return Line(
        of=name,
        pictures=len(given),
        unfit=sum(not fit(case) for case in given),
        counted=share((c for c in given if c.observed.faces is not None), counted),
        no_face_precision=share(filter(none, given), lambda case: case.label.faces == 0),
        no_face_recall=share((c for c in given if c.label.faces == 0), none),
        several_precision=share(filter(several, given), lambda case: case.label.faces > 1),
        several_recall=share((c for c in given if c.label.faces > 1), several),
        several_near=share((c for c in given if c.label.faces > 1), near),
        missed=share((c for c in given if c.label.faces > 0), none),
        doubled=share((c for c in given if c.label.faces < 2), near),
    )


def band(observed: Observation, by: Thresholds = THRESHOLDS) -> str:
    """How light a picture is, by its mean grey."""
    if observed.luma < by.dark_luma:
        return "light: too dark to judge"
    return next(name for below, name in _BANDS if observed.luma < below)


def groups_apart(lines: Iterable[Line]) -> dict[str, object] | None:
    """How far the groups lie apart, worst to best; None without at least two groups."""
    groups = [each for each in lines if each.of.startswith("group: ")]
    if len(groups) < 2:
        return None
    right = sorted(groups, key=lambda each: each.counted.share or 0.0)
    missed = sorted(groups, key=lambda each: each.missed.share or 0.0)
    return {
        "counted_worst": right[0].of,
        "counted_best": right[-1].of,
        "counted_ratio": _ratio(right[0].counted, right[-1].counted),
        "missed_most": missed[-1].of,
        "missed_least": missed[0].of,
        "missed_ratio": _ratio(missed[-1].missed, missed[0].missed),
    }


def cannot_say(lines: Sequence[Line], detector: Detector, by: Thresholds = THRESHOLDS) -> tuple[str, ...]:
    """What these figures do not show, in sentences."""
    told = []
    if lines and lines[0].several_near.right < lines[0].several_recall.right:
        near = lines[0].several_near
        told.append(
            f"People further away, narrower than {by.several_width:.0%} of the frame, are counted but nothing is "
            f"noted of them: two near enough were seen in {near.right} of {near.of} pictures with several people."
        )
    if detector is not Detector.YUNET:
        told.append("No face model was there: these are figures of the reduced detector, whose word is a hint only.")
    for each in lines:
        if each.pictures < THIN:
            most = each.counted.high if each.counted.of else 1.0
            told.append(
                f"Thin: {each.of} has {each.pictures} pictures of at least {THIN}; its true share right may lie "
                f"anywhere from {each.counted.low:.0%} to {most:.0%}."
            )
    if groups_apart(lines) is None:
        told.append("No two groups are labelled: nothing is said about fairness, and nothing may be claimed from it.")
    if lines and not lines[0].no_face_recall.of:
        told.append("No picture without a face is labelled: how often an empty place is noticed is not known.")
    if lines and not lines[0].several_recall.of:
        told.append("No picture with several faces is labelled: how often a second person is noticed is not known.")
    told.append(
        "Only counting is measured here. Whatever else is noticed of a face, such as a head that is turned away, "
        "is not."
    )
    told.append(
        "Single pictures were looked at: how often the watch, which asks several in a row, is wrong in an hour "
        "of an exam is another figure; replay recorded footage for that."
    )
    told.append(
        "The pictures may have been among those the model was made from; a field error rate needs pictures of "
        "the body's own, taken with consent."
    )
    return tuple(told)


def sheet(
    lines: Sequence[Line],
    strained: Sequence[Line],
    detector: Detector,
    model: str,
    labels_sha256: str,
    by: Thresholds = THRESHOLDS,
) -> dict[str, Any]:
    """The whole sheet as plain values. ``digest`` names it: the same eye on the same pictures, the same digest."""
    told: dict[str, Any] = {
        "sheet": SHEET,
        "detector": detector.value,
        "model_sha256": model or None,
        "thresholds": asdict(by),
        "labels_sha256": labels_sha256,
        "lines": plain(lines),
        "made_harder": plain(strained),
        "groups_apart": groups_apart(lines),
        "cannot_say": list(cannot_say(lines, detector, by)),
    }
    return {**told, "digest": digest(told)}


def digest(told: Mapping[str, Any]) -> str:
    """The SHA-256 that names a sheet: of everything in it but the name itself."""
    without = {name: value for name, value in told.items() if name != "digest"}
    return hashlib.sha256(orjson.dumps(without, option=orjson.OPT_SORT_KEYS)).hexdigest()


def plain(lines: Iterable[Line]) -> list[dict[str, Any]]:
    return [asdict(each) for each in lines]


def _ratio(above: Share, below: Share) -> float | None:
    """None where the better share is zero: then there is no ratio, and the intervals have to be read."""
    return round(above.share / below.share, 3) if above.share is not None and below.share else None
