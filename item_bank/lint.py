"""Advice on items: what gives a key away, or makes a question harder to read than what it asks about.

`lint` looks at one item, `lint_all` at a set as well: where its keys stand, and which texts are nearly the same.
A finding has the rule's name, the place, a sentence and what to do. It is advice: no rule stops an item.

* Each rule can be switched on or off by its name (`RULES`).
* Rules on words know English and German; for other languages `skipped` names the rules that were left out.

>>> [one.rule for one in lint(_sample("Which is right?", "Yes", "No, and never do that, whatever anybody tells you"))]
['unequal-options', 'absolute-words']

Sources: Haladyna, Downing and Rodriguez (2002), A Review of Multiple-Choice Item-Writing Guidelines for Classroom
Assessment; Kincaid, Fishburne, Rogers and Chissom (1975), grade level; Bamberger and Vanecek (1984), first
Wiener Sachtextformel; WCAG 2.2, 1.1.1 (text alternatives); Broder (1997), resemblance of documents.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from item_bank.item import Element, Item, plain_text
from item_bank.lint_words import Words, words_of

#: A key this many times as long as the next option stands out; options differ by this much at most.
_LONGER: Final = 1.3
_UNEQUAL: Final = 3.0
_SHORT: Final = 25
#: School years; a text above asks more of reading than of the trade.
HARDEST: Final = 14.0
_ALIKE: Final = 0.6
_FEW_KEYS: Final = 20
_NUMBER: Final = re.compile(r"[-−]?\d+(?:[.,]\d+)?")


@dataclass(frozen=True, slots=True)
class Finding:
    """One piece of advice. ``place`` is an option, the question, or a picture."""

    rule: str
    item: str
    place: str
    sentence: str
    remedy: str


@dataclass(frozen=True, slots=True)
class _Seen:
    """An item as the rules look at it. ``options`` are those of its choices, by identifier."""

    item: Item
    stem: str
    options: tuple[tuple[str, str], ...]
    key: tuple[str, ...]
    single: bool
    words: Words | None

    @property
    def language(self) -> str:
        return self.item.language.split("-")[0].lower()

    def say(self, rule: str, place: str, sentence: str, remedy: str) -> Finding:
        return Finding(rule, self.item.identifier, place, sentence, remedy)


def lint(item: Item, rules: Iterable[str] | None = None) -> tuple[Finding, ...]:
    """Advice on one item, by these rules or by all."""
    seen = _seen(item)
    chosen = frozenset(RULES if rules is None else rules)
    return tuple(found for name, rule in _ITEM_RULES.items() if name in chosen for found in rule(seen))


def lint_all(items: Iterable[Item], rules: Iterable[str] | None = None) -> tuple[Finding, ...]:
    """Advice on each item, and on what only shows in the set."""
    items = tuple(items)
    chosen = frozenset(RULES if rules is None else rules)
    found = [finding for item in items for finding in lint(item, chosen)]
    for name, rule in _SET_RULES.items():
        if name in chosen:
            found.extend(rule([_seen(item) for item in items]))
    return tuple(found)


def skipped(item: Item) -> tuple[str, ...]:
    """The rules that know nothing of this item's language."""
    return () if words_of(item.language) else _OF_WORDS


# -- looking ----------------------------------------------------------------------------------------------


def _seen(item: Item) -> _Seen:
    choices = [
        *item.root.descendants("qti-choice-interaction"),
        *item.root.descendants("qti-inline-choice-interaction"),
    ]
    first = choices[0] if len(choices) == 1 else None
    options = tuple(
        (one.get("identifier") or "", " ".join(one.text.split()))
        for one in (first.elements("qti-simple-choice", "qti-inline-choice") if first is not None else ())
    )
    declared = list(item.root.elements("qti-response-declaration")) if first is not None else []
    own = [one for one in declared if first is not None and one.get("identifier") == first.get("response-identifier")]
    key = tuple(value.text for one in own for told in one.elements("qti-correct-response") for value in told.elements())
    single = len(own) == 1 and own[0].get("cardinality") == "single"
    return _Seen(item, plain_text(item.body, options=False), options, key, single, words_of(item.language))


def _key_longest(seen: _Seen) -> Iterator[Finding]:
    lengths = {name: len(text) for name, text in seen.options}
    if not seen.single or len(lengths) < 3 or len(seen.key) != 1 or seen.key[0] not in lengths:
        return
    [key] = seen.key
    next_longest = max(length for name, length in lengths.items() if name != key)
    if lengths[key] > _SHORT and lengths[key] >= _LONGER * next_longest:
        sentence = f"the right option is the longest by far ({lengths[key]} letters, the next {next_longest})"
        yield seen.say("key-longest", f"option {key}", sentence, "shorten it, or say more in the others")


def _unequal(seen: _Seen) -> Iterator[Finding]:
    lengths = sorted((len(text), name) for name, text in seen.options if text)
    if len(lengths) > 1 and lengths[-1][0] > _SHORT and lengths[-1][0] > _UNEQUAL * lengths[0][0]:
        (short, least), (long, most) = lengths[0], lengths[-1]
        sentence = f"option {most} has {long} letters and option {least} has {short}"
        yield seen.say("unequal-options", f"option {most}", sentence, "make the options of about equal length")


def _absolute(seen: _Seen) -> Iterator[Finding]:
    for name, text in seen.options if seen.words else ():
        found = [word for word in _words(text) if seen.words and word in seen.words.absolute]
        if found:
            sentence = f"{found[0]!r} is absolute; those who know tests take such options for wrong"
            yield seen.say("absolute-words", f"option {name}", sentence, "say when or how often it holds")


def _negative(seen: _Seen) -> Iterator[Finding]:
    stressed = {word for one in seen.item.root.descendants("strong", "em", "b") for word in _words(one.text)}
    for sentence_ in re.split(r"(?<=[.!])\s", seen.stem):
        words = re.findall(r"[\w'’]+", sentence_)
        if not sentence_.rstrip().endswith(("?", ":", "…")) or seen.words is None:
            continue
        for word in words:
            bare = word.lower().replace("’", "'")
            if bare in seen.words.negative and bare not in stressed and not (word.isupper() and len(word) > 1):
                sentence = f"the question is negative ({word!r}) and the word is easily overlooked"
                yield seen.say("negative-stem", "question", sentence, "ask for what is right, or stress the word")
                return


def _overlapping(seen: _Seen) -> Iterator[Finding]:
    spans = [(name, span) for name, text in seen.options if seen.words and (span := _span(text, seen.words))]
    for place, (name, (low, high)) in enumerate(spans):
        for other, (least, most) in spans[:place]:
            if max(low, least) < min(high, most) or (low, high) == (least, most):
                sentence = f"options {other} and {name} overlap, so both may be right"
                yield seen.say("overlapping-options", f"option {name}", sentence, "let one end where the next begins")
                break


def _all_of_them(seen: _Seen) -> Iterator[Finding]:
    for name, text in seen.options if seen.words else ():
        if seen.words and re.search(seen.words.all_of_them, text, re.IGNORECASE):
            sentence = f"{text[:40]!r} is right as soon as two others are, and depends on their order"
            remedy = "ask for several right options instead, or write another option"
            yield seen.say("all-of-the-above", f"option {name}", sentence, remedy)


def _duplicated(seen: _Seen) -> Iterator[Finding]:
    first: dict[str, str] = {}
    for name, text in seen.options:
        folded = " ".join(_words(text)) or text
        if folded and folded in first:
            sentence = f"options {first[folded]} and {name} say the same"
            yield seen.say("duplicate-options", f"option {name}", sentence, "write another option")
        first.setdefault(folded, name)


def _pictures(seen: _Seen) -> Iterator[Finding]:
    for image in (one for root in (seen.item.root, *seen.item.stimuli) for one in root.descendants("img")):
        silent = image.get("role") in ("presentation", "none") or image.get("aria-hidden") == "true"
        if not (image.get("alt") or "").strip() and not silent and not image.get("aria-label"):
            place = f"picture {image.get('src') or ''}"
            remedy = "write in alt what it shows, or role=presentation where it shows nothing that matters"
            yield seen.say("missing-alternate-text", place, "the picture says nothing to who cannot see it", remedy)


def _reading(seen: _Seen) -> Iterator[Finding]:
    grade = reading_level(f"{seen.stem} {' '.join(text + '.' for _, text in seen.options)}", seen.language)
    if grade is not None and grade > HARDEST:
        sentence = f"the text asks for {grade:.0f} school years of reading"
        yield seen.say("reading-level", "question", sentence, "use shorter sentences and plainer words")


def _cueing(seen: _Seen) -> Iterator[Finding]:
    found = re.search(r"\b(a|an)\s*[:…._]*\s*$", seen.stem, re.IGNORECASE) if seen.language == "en" else None
    if found is None:
        return
    wants_vowel = found[1].lower() == "an"
    unfit = [name for name, text in seen.options if text and (text[0].lower() in "aeiou") != wants_vowel]
    if unfit and len(unfit) < len(seen.options):
        sentence = f"the question ends with {found[1]!r}, which rules out option {', '.join(unfit)} by grammar alone"
        yield seen.say("cueing-grammar", "question", sentence, "write 'a(n)', or put the article into the options")


def _positions(all_seen: list[_Seen]) -> Iterator[Finding]:
    """Keys that stand in one place far more often than chance, among items whose options are not shuffled."""
    by_count: dict[int, Counter[int]] = {}
    for seen in all_seen:
        names = [name for name, _ in seen.options]
        fixed = not any(one.get("shuffle") == "true" for one in seen.item.root.descendants())
        if seen.single and len(seen.key) == 1 and seen.key[0] in names and fixed:
            by_count.setdefault(len(names), Counter())[names.index(seen.key[0])] += 1
    for count, places in sorted(by_count.items()):
        total = sum(places.values())
        expected = total / count
        spread = (total * (1 / count) * (1 - 1 / count)) ** 0.5
        for place, times in places.items():
            if total >= _FEW_KEYS and times > expected + 3 * spread:
                sentence = f"of {total} items with {count} options, {times} have the key in place {place + 1}"
                yield Finding(
                    "key-position", "", f"place {place + 1}", sentence, "shuffle the options, or move the keys"
                )


def _alike(all_seen: list[_Seen]) -> Iterator[Finding]:
    """Pairs of items whose texts share most of their runs of three words."""
    runs = [_runs(f"{seen.stem} {' '.join(sorted(text for _, text in seen.options))}") for seen in all_seen]
    holders: dict[tuple[str, ...], list[int]] = {}
    for place, own in enumerate(runs):
        shared: Counter[int] = Counter()
        for run in own:
            told = holders.setdefault(run, [])
            if len(told) < 200:  # a run that stands everywhere tells nothing apart
                shared.update(told)
                told.append(place)
        for other, count in sorted(shared.items()):
            likeness = count / (len(own) + len(runs[other]) - count)
            if likeness >= _ALIKE:
                twin = all_seen[other].item.identifier
                sentence = f"{likeness:.0%} of its text is that of {twin}"
                remedy = "name them as enemies, or change one"
                yield all_seen[place].say("near-duplicate", f"item {twin}", sentence, remedy)


# -- counting ---------------------------------------------------------------------------------------------


def reading_level(text: str, language: str) -> float | None:
    """School years that a text asks for; None for a text of few words or another language."""
    words = re.findall(r"[^\W\d_]+", text)
    sentences = max(1, len(re.findall(r"[.!?:](?:\s|$)", text)))
    if len(words) < 15:
        return None
    syllables = [max(1, len(re.findall(r"[aeiouyäöü]+", word.lower()))) for word in words]
    per_sentence = len(words) / sentences
    if language == "en":
        return 0.39 * per_sentence + 11.8 * sum(syllables) / len(words) - 15.59
    if language == "de":
        long = 100 * sum(1 for count in syllables if count > 2) / len(words)
        big = 100 * sum(1 for word in words if len(word) > 6) / len(words)
        single = 100 * sum(1 for count in syllables if count == 1) / len(words)
        return 0.1935 * long + 0.1672 * per_sentence + 0.1297 * big - 0.0327 * single - 0.875
    return None


def _words(text: str) -> list[str]:
    return re.findall(r"[\w'’]+", text.lower())


def _runs(text: str) -> frozenset[tuple[str, ...]]:
    words = _words(text)
    return frozenset(zip(words, words[1:], words[2:], strict=False))


def _span(text: str, words: Words) -> tuple[float, float] | None:
    """The numbers an option is right for, where it says a range."""
    numbers = [
        float(one.replace(",", ".").replace("−", "-")) for one in _NUMBER.findall(re.sub(r"(?<=\d)-", "–", text))
    ]
    if len(numbers) == 2 and re.search(words.between, text, re.IGNORECASE) and numbers[0] <= numbers[1]:
        return numbers[0], numbers[1]
    if len(numbers) == 1 and re.search(words.more_than, text, re.IGNORECASE):
        return numbers[0], float("inf")
    if len(numbers) == 1 and re.search(words.less_than, text, re.IGNORECASE):
        return float("-inf"), numbers[0]
    return None


def _sample(stem: str, *options: str, key: str = "A", language: str = "en", identifier: str = "q") -> Item:
    """A choice in short, for examples and tests."""
    made = tuple(
        Element("qti-simple-choice", (("identifier", chr(65 + place)),), (text,)) for place, text in enumerate(options)
    )
    told = (("cardinality", "single"), ("identifier", "RESPONSE"))
    correct = Element("qti-correct-response", (), (Element("qti-value", (), (key,)),))
    interaction = Element("qti-choice-interaction", (("response-identifier", "RESPONSE"),), made)
    body = Element("qti-item-body", (), (Element("p", (), (stem,)), interaction))
    root = (("identifier", identifier), ("xml:lang", language))
    return Item(Element("qti-assessment-item", root, (Element("qti-response-declaration", told, (correct,)), body)))


_ITEM_RULES: Final[Mapping[str, Callable[[_Seen], Iterator[Finding]]]] = {
    "key-longest": _key_longest,
    "unequal-options": _unequal,
    "absolute-words": _absolute,
    "negative-stem": _negative,
    "overlapping-options": _overlapping,
    "all-of-the-above": _all_of_them,
    "duplicate-options": _duplicated,
    "missing-alternate-text": _pictures,
    "reading-level": _reading,
    "cueing-grammar": _cueing,
}
_SET_RULES: Final[Mapping[str, Callable[[list[_Seen]], Iterator[Finding]]]] = {
    "key-position": _positions,
    "near-duplicate": _alike,
}
_OF_WORDS: Final = (
    *("absolute-words", "negative-stem", "overlapping-options", "all-of-the-above", "reading-level", "cueing-grammar"),
)
#: Every rule by its name.
RULES: Final = (*_ITEM_RULES, *_SET_RULES)
