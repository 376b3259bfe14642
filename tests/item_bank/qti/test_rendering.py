"""What a candidate gets: the content, real controls, and nothing that tells an answer."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from engine.errors import Refused
from engine.form import Seat
from item_bank.item import Item, Metadata, example
from item_bank.qti.choice import Choice, ChoiceInteraction, Declaration, Mapping, view
from item_bank.qti.choice import Content as Element
from item_bank.qti.package import read_package
from item_bank.qti.reader import read_item
from item_bank.qti.rendering import authored, opaque, ordered, render, survives
from tests.item_bank.samples import CHOICES, choice_interaction, composed, item_xml

ADA = Seat("sit-ada", bytes(range(32)))
BOB = Seat("sit-bob", bytes(range(32, 64)))
PLAIN = view(example())


def read(data: bytes) -> Item:
    item = read_item(data, "q.xml")
    assert isinstance(item, Item), item
    return item


def shuffled(count: int, *, fixed: frozenset[int] = frozenset()) -> Item:
    choices = tuple(Choice(f"c{n}", (f"Option {n}",), n in fixed) for n in range(count))
    interaction = ChoiceInteraction("RESPONSE", ("Which?",), choices, shuffle=True)
    return composed(replace(PLAIN, body=(interaction,), declarations=(Declaration("RESPONSE", False, ("c0",)),)))


class Controls(HTMLParser):
    """Collects the controls of a page with the attributes they have."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.inputs: list[dict[str, str | None]] = []
        self.tags: Counter[str] = Counter()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        if tag == "input":
            self.inputs.append(dict(attrs))


def test_a_single_choice_has_one_labelled_radio_button_per_option() -> None:
    shown = render(example(), ADA)
    controls = Controls(shown.html)
    assert [(one["type"], one["name"]) for one in controls.inputs] == [("radio", "response.RESPONSE")] * 2
    assert {one["value"] for one in controls.inputs} == shown.rules[0].options
    assert controls.tags["label"] == 2
    assert shown.html.count('<span class="choice__text">') == 2


def test_several_choices_have_check_boxes_and_zero_means_all() -> None:
    several = replace(PLAIN.interactions()[0], max_choices=0, min_choices=1)
    shown = render(composed(replace(PLAIN, body=(several,))), ADA)
    assert {one["type"] for one in Controls(shown.html).inputs} == {"checkbox"}
    assert (shown.rules[0].min_choices, shown.rules[0].max_choices) == (1, 2)


def test_the_group_is_named_by_what_stands_before_it_and_by_the_prompt() -> None:
    prompt = '<qti-prompt id="ask" class="qti-x own">Pick.</qti-prompt>'
    shown = render(read(item_xml(body="<p>Read.</p>", interaction=choice_interaction(prompt + CHOICES))), ADA).html
    assert '<div class="stem" id="stem-RESPONSE"><p>Read.</p></div>' in shown
    assert '<div class="prompt qti-x" id="item-ask">Pick.</div>' in shown
    assert '<fieldset aria-labelledby="stem-RESPONSE item-ask" class="choices">' in shown


def test_a_bare_interaction_still_renders() -> None:
    assert "aria-labelledby" not in render(composed(replace(PLAIN, body=PLAIN.body[1:])), ADA).html
    named = render(shuffled(2), ADA).html
    assert '<div class="prompt" id="prompt-RESPONSE">Which?</div>' in named


def test_rubrics_are_shown_to_candidates_only() -> None:
    def rubric(view: str, text: str) -> Element:
        catalog = Element("qti-catalog-info", (), (Element("qti-catalog", (), ("hidden card",)),))
        content = Element("qti-content-body", (), (text,))
        return Element("qti-rubric-block", (("class", "qti-y"), ("view", view)), (content, catalog))

    told = rubric("tutor candidate", "for you"), rubric("scorer", "for scorers")
    shown = render(composed(replace(PLAIN, body=(*told, *PLAIN.body))), ADA).html
    assert '<div class="rubric qti-y">for you</div>' in shown
    assert "scorers" not in shown
    assert "hidden card" not in shown


def test_identifiers_and_classes_cannot_meddle_with_the_page() -> None:
    body = '<div id="clock" class="choices qti-z" aria-labelledby="clock" data-own="1" xml:lang="he" dir="rtl">x</div>'
    shown = render(read(item_xml(body=body)), ADA).html
    assert '<div aria-labelledby="item-clock" class="qti-z" dir="rtl" id="item-clock" lang="he">x</div>' in shown
    assert "data-own" not in shown


def test_an_orientation_becomes_a_class_and_the_language_an_attribute() -> None:
    interaction = choice_interaction(
        attributes='max-choices="1" orientation="horizontal" dir="rtl" class="qti-labels-none"'
    )
    shown = render(read(item_xml(interaction=interaction)), ADA)
    assert 'class="choices qti-labels-none qti-orientation-horizontal"' in shown.html
    assert '<div class="interaction" dir="rtl">' in shown.html
    assert shown.html.startswith('<div class="item" lang="en">')
    assert (shown.language, 'lang="und"' in render(composed(replace(PLAIN, language="und")), ADA).html) == ("en", False)


def test_text_cannot_become_markup() -> None:
    told = Element("p", (("title", '"><x'),), ("<script>x</script> & \xa0",))
    item = composed(replace(PLAIN, body=(told, *PLAIN.body[1:])))
    shown = render(item, ADA).html
    assert '<p title="&quot;&gt;&lt;x">&lt;script&gt;x&lt;/script&gt; &amp; &nbsp;</p>' in shown
    assert survives(item)


def test_the_last_filter_notices_what_no_reader_should_have_let_in() -> None:
    assert not survives(composed(replace(PLAIN, body=(Element("p", (), (Element("div"),)), *PLAIN.body[1:]))))
    assert not survives(composed(replace(PLAIN, body=(Element("script", (), ("x",)), *PLAIN.body[1:]))))


def test_the_same_seat_sees_the_same_bytes_and_another_one_other_names() -> None:
    assert render(shuffled(6), ADA) == render(shuffled(6), ADA)
    assert not render(shuffled(6), ADA).rules[0].options & render(shuffled(6), BOB).rules[0].options


def test_an_option_is_named_differently_on_another_item() -> None:
    assert opaque(PLAIN, "R", "yes", ADA) != opaque(replace(PLAIN, identifier="other"), "R", "yes", ADA)
    assert re.fullmatch(r"[0-9a-z]{16}", opaque(PLAIN, "R", "yes", ADA))


def test_shuffling_moves_every_loose_option_everywhere_and_no_fixed_one() -> None:
    item = view(shuffled(5, fixed=frozenset({4})))
    interaction = item.interactions()[0]
    orders = [ordered(item, interaction, Seat("s", n.to_bytes(32))) for n in range(128)]
    firsts = Counter(order[0].identifier for order in orders)
    assert {order[4].identifier for order in orders} == {"c4"}
    assert set(firsts) == {"c0", "c1", "c2", "c3"}
    assert min(firsts.values()) > 16
    assert ordered(item, replace(interaction, shuffle=False), ADA) == interaction.choices


def test_key_mapping_rationale_and_metadata_change_no_byte() -> None:
    item = view(shuffled(4))
    others = (
        composed(replace(item, declarations=(Declaration("RESPONSE", False, ("c3",), Mapping((("c1", 9.0),))),))),
        composed(replace(item, template="map_response", declarations=())),
        composed(item, Metadata("D9", "analyse", "hedy", 0.1, ("x",), "Option 2 is right")),
        composed(replace(item, outcomes=())),
    )
    for other in others:
        assert other.digest != composed(item).digest
        assert render(other, ADA) == render(composed(item), ADA)


def test_answers_are_translated_back_for_their_own_seat_only() -> None:
    sent = opaque(PLAIN, "RESPONSE", "yes", ADA)
    assert authored(example(), {"RESPONSE": (sent,)}, ADA) == {"RESPONSE": ("yes",)}
    for responses, seat in (
        ({"RESPONSE": (sent,)}, BOB),
        ({"RESPONSE": ("yes",)}, ADA),
        ({"OTHER": (sent,)}, ADA),
    ):
        with pytest.raises(Refused) as refused:
            authored(example(), responses, seat)
        assert refused.value.code == "RESPONSE_INVALID"


def test_public_items_survive_the_last_filter_whole(shared_data: Path) -> None:
    folder = shared_data / "qti/1edtech-qti-examples/QTI3_BPIG_Examples/items"
    items = [read(folder.joinpath(name).read_bytes()) for name in ("MathML.xml", "ruby_i23n.xml", "RTL_Hebrew.xml")]
    assert all(survives(item) for item in items)
    formula = render(items[0], ADA).html
    assert "<math><mrow>" in re.sub(r">\s+<", "><", formula)
    assert '<div dir="rtl">' in render(items[2], ADA).html
    assert "<ruby><rb>真</rb><rt>まこと</rt></ruby>" in render(items[1], ADA).html


def test_no_byte_of_any_item_of_the_demo_bank_depends_on_its_key() -> None:
    folder = Path(__file__).parents[3] / "item_bank/packages"
    items = [entry.item for path in sorted(folder.iterdir()) for entry in read_package(path).entries]
    assert len(items) > 120
    for item in items:
        choice = view(item)
        options = tuple(one.identifier for one in choice.interactions()[0].choices)
        other = tuple(name for name in options if name not in choice.declarations[0].correct)
        key = replace(choice.declarations[0], correct=other, mapping=Mapping(((options[0], 3.0),)))
        changed = composed(replace(choice, declarations=(key,), outcomes=(), template="map_response"))
        assert render(changed, ADA) == render(item, ADA)
        assert item.metadata.rationale not in render(item, ADA).html
