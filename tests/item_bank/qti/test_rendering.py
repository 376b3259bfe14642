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
from item_bank.item import Element, Item, Metadata, Node, example
from item_bank.qti.package import read_package
from item_bank.qti.page import CandidatePage, opaque
from item_bank.qti.reader import read_item
from item_bank.qti.rendering import render, survives
from item_bank.qti.tries import authored
from tests.item_bank.qti.tree import tree
from tests.item_bank.samples import CHOICES, MATCH, RESPONSE, choice_interaction, item_xml

ADA = Seat("sit-ada", bytes(range(32)))
BOB = Seat("sit-bob", bytes(range(32, 64)))
#: What only a scorer needs. Changing any of it may change no byte of a page.
SECRET = frozenset(
    {
        *("qti-correct-response", "qti-mapping", "qti-area-mapping", "qti-response-processing", "qti-modal-feedback"),
        *("qti-match-table", "qti-interpolation-table"),
    }
)


def read(data: bytes) -> Item:
    item = read_item(data, "q.xml")
    assert isinstance(item, Item), item
    return item


def item_of(body: str, declarations: str = "") -> Item:
    """An item that no reader has looked at."""
    attributes = 'identifier="x" title="X" lang="en"'
    return Item(
        tree(
            f"<qti-assessment-item {attributes}>{declarations}"
            f"<qti-item-body>{body}</qti-item-body></qti-assessment-item>"
        )
    )


def shuffled(count: int, *, fixed: frozenset[int] = frozenset(), **told: str) -> Item:
    choices = "".join(
        f'<qti-simple-choice identifier="c{n}" fixed="{str(n in fixed).lower()}">Option {n}</qti-simple-choice>'
        for n in range(count)
    )
    interaction = choice_interaction(f"<qti-prompt>Which?</qti-prompt>{choices}", 'max-choices="1" shuffle="true"')
    return read(item_xml(interaction=interaction, response=RESPONSE.replace(">A<", ">c0<"), **told))


def without_secrets(item: Item) -> Item:
    """The item as it would be if nobody knew its answer."""

    def clean(element: Element) -> Element:
        kept: list[Node] = [
            clean(one) if isinstance(one, Element) else one
            for one in element.children
            if isinstance(one, str) or one.name not in SECRET
        ]
        return replace(element, children=tuple(kept))

    return replace(item, root=clean(item.root), metadata=Metadata("D9", "analyse", "hedy", 0.1, ("x",), "Because."))


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


@pytest.mark.parametrize(("cardinality", "kind", "most"), [("multiple", "checkbox", 3), ("single", "radio", 1)])
def test_zero_choices_means_all_where_the_variable_can_hold_them(cardinality: str, kind: str, most: int) -> None:
    several = choice_interaction(attributes='max-choices="0" min-choices="1"')
    response = RESPONSE.replace("single", cardinality)
    shown = render(item_of(several, response), ADA)
    assert {one["type"] for one in Controls(shown.html).inputs} == {kind}
    assert (shown.rules[0].min_choices, shown.rules[0].max_choices) == (1, most)


def test_the_group_is_named_by_what_stands_before_it_and_by_the_prompt() -> None:
    prompt = '<qti-prompt id="ask" class="qti-x own">Pick.</qti-prompt>'
    shown = render(read(item_xml(body="<p>Read.</p>", interaction=choice_interaction(prompt + CHOICES))), ADA).html
    assert '<div class="stem" id="stem-RESPONSE"><p>Read.</p></div>' in shown
    assert '<div class="prompt qti-x" id="item-ask">Pick.</div>' in shown
    assert '<fieldset aria-labelledby="stem-RESPONSE item-ask" class="choices">' in shown


def test_a_bare_interaction_has_a_name_all_the_same() -> None:
    assert '<fieldset aria-label="Your answer" class="choices">' in render(item_of(choice_interaction()), ADA).html


def test_rubrics_are_shown_to_candidates_only() -> None:
    hidden = "<qti-catalog-info><qti-catalog id='c'><qti-card>hidden card</qti-card></qti-catalog></qti-catalog-info>"
    rubrics = "".join(
        f'<qti-rubric-block class="qti-y" view="{view}"><qti-content-body>{text}</qti-content-body>{hidden}'
        "</qti-rubric-block>"
        for view, text in (("tutor candidate", "for you"), ("scorer", "for scorers"))
    )
    shown = render(item_of(rubrics + choice_interaction()), ADA).html
    assert '<div class="qti-y rubric">for you</div>' in shown or '<div class="rubric qti-y">for you</div>' in shown
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
    assert '<div class="interaction choice-interaction" data-kind="choice-interaction" dir="rtl">' in shown.html
    assert shown.html.startswith('<div class="item" lang="en">')
    assert (shown.language, 'lang="und"' in render(item_of("x"), ADA).html) == ("en", False)


def test_text_cannot_become_markup() -> None:
    told = Element("p", (("title", '"><x'),), ("<script>x</script> & \xa0",))
    item = Item(Element("qti-assessment-item", (), (Element("qti-item-body", (), (told,)),)))
    shown = render(item, ADA).html
    assert '<p title="&quot;&gt;&lt;x">&lt;script&gt;x&lt;/script&gt; &amp; &nbsp;</p>' in shown
    assert survives(item)


def test_the_last_filter_notices_what_no_reader_should_have_let_in() -> None:
    assert not survives(item_of("<p><div/></p>"))
    assert not survives(item_of("<script>x</script>"))


def test_the_same_seat_sees_the_same_bytes_and_another_one_other_names() -> None:
    assert render(shuffled(6), ADA) == render(shuffled(6), ADA)
    assert not render(shuffled(6), ADA).rules[0].options & render(shuffled(6), BOB).rules[0].options


def test_an_option_is_named_differently_on_another_item() -> None:
    assert opaque("one", "R", "yes", ADA) != opaque("other", "R", "yes", ADA)
    assert re.fullmatch(r"[0-9a-z]{16}", opaque("one", "R", "yes", ADA))


def test_shuffling_moves_every_loose_option_everywhere_and_no_fixed_one() -> None:
    item = shuffled(5, fixed=frozenset({4}))
    interaction = next(item.root.descendants("qti-choice-interaction"))
    choices = list(interaction.elements("qti-simple-choice"))
    orders = [CandidatePage(item, Seat("s", n.to_bytes(32))).arranged(interaction, choices) for n in range(128)]
    firsts = Counter(order[0].get("identifier") for order in orders)
    assert {order[4].get("identifier") for order in orders} == {"c4"}
    assert set(firsts) == {"c0", "c1", "c2", "c3"}
    assert min(firsts.values()) > 16
    still = Element(interaction.name, (("response-identifier", "RESPONSE"),), interaction.children)
    assert CandidatePage(item, ADA).arranged(still, choices) == choices


def test_key_mapping_rationale_and_metadata_change_no_byte() -> None:
    one, other = shuffled(4), shuffled(4, processing=f'<qti-response-processing template="{MATCH}"/>')
    mapped = '<qti-mapping><qti-map-entry map-key="c1" mapped-value="9"/></qti-mapping></qti-response-declaration>'
    data = item_xml(
        interaction="", response=RESPONSE.replace(">A<", ">c3<").replace("</qti-response-declaration>", mapped)
    )
    assert other == one
    keyed = next(read(data.replace(b"c3", b"A").replace(b"c1", b"B")).root.elements("qti-response-declaration"))
    changed = tuple(
        keyed if isinstance(each, Element) and each.name == keyed.name else each for each in one.root.children
    )
    other = replace(one, root=replace(one.root, children=changed))
    assert other.digest != one.digest
    assert render(other, ADA) == render(one, ADA) == render(without_secrets(one), ADA)


def test_answers_are_translated_back_for_their_own_seat_only() -> None:
    sent = opaque("dead-before-touch", "RESPONSE", "yes", ADA)
    assert authored(example(), {"RESPONSE": (sent,)}, ADA) == {"RESPONSE": ("yes",)}
    for responses, seat in (
        ({"RESPONSE": (sent,)}, BOB),
        ({"RESPONSE": ("yes",)}, ADA),
        ({"OTHER": (sent,)}, ADA),
    ):
        with pytest.raises(Refused) as refused:
            authored(example(), responses, seat)
        assert refused.value.code == "RESPONSE_INVALID"


# -- what depends on the state -----------------------------------------------------------------------------

CLONE = (
    '<qti-template-declaration identifier="N" cardinality="single" base-type="integer" math-variable="true"/>'
    '<qti-template-declaration identifier="ODD" cardinality="single" base-type="identifier"/>'
)
MAKING = (
    '<qti-template-processing><qti-set-template-value identifier="N"><qti-random-integer min="2" max="9"/>'
    '</qti-set-template-value><qti-set-template-value identifier="ODD"><qti-base-value base-type="identifier">yes'
    "</qti-base-value></qti-set-template-value></qti-template-processing>"
)
CLONED = (
    '<p>Say <qti-printed-variable identifier="N"/>.</p>'
    '<m:math xmlns:m="http://www.w3.org/1998/Math/MathML"><m:mi>N</m:mi></m:math>'
    '<qti-template-block identifier="yes" template-identifier="ODD" show-hide="show"><p>It is odd.</p>'
    "</qti-template-block>"
    '<p><qti-template-inline identifier="yes" template-identifier="ODD" show-hide="hide">even</qti-template-inline></p>'
)


def cloned() -> Item:
    data = item_xml(
        body=CLONED,
        outcomes=f'{CLONE}<qti-outcome-declaration identifier="SCORE" cardinality="single" base-type="float"/>',
    )
    return read(
        data.replace(b"<qti-item-body>", MAKING.encode() + b"<qti-item-body>") if b"<qti-item-body>" in data else data
    )


def test_each_seat_has_its_own_clone_and_always_the_same() -> None:
    item = cloned()
    pages = [render(item, Seat("s", n.to_bytes(32))).html for n in range(32)]
    numbers = [re.findall(r"<p>Say ([2-9])\.", page) for page in pages]
    assert {len(one) for one in numbers} == {1}
    assert len({one[0] for one in numbers}) > 3
    for page, (number,) in zip(pages, numbers, strict=True):
        assert f"<math><mn>{number}</mn></math>" in page
        assert "It is odd." in page
        assert "even" not in page
    assert pages[0] == render(item, Seat("s", bytes(32))).html
    assert survives(item)


def test_feedback_stands_as_before_any_answer() -> None:
    outcome = '<qti-outcome-declaration identifier="FB" cardinality="single" base-type="identifier"/>'
    body = "".join(
        f'<qti-feedback-block outcome-identifier="FB" identifier="right" show-hide="{way}">'
        f"<qti-content-body><p>{way}n</p></qti-content-body></qti-feedback-block>"
        for way in ("show", "hide")
    )
    shown = render(item_of(body + choice_interaction(), outcome + RESPONSE), ADA).html
    assert ("<p>hiden</p>" in shown, "<p>shown</p>" in shown) == (True, False)


def test_a_stimulus_stands_before_the_question_and_a_link_leads_nowhere() -> None:
    body = '<qti-stimulus-body class="qti-x"><p>See <a href="https://example.org/">the act</a>.</p></qti-stimulus-body>'
    stimulus = tree(f'<qti-assessment-stimulus identifier="s" title="S">{body}</qti-assessment-stimulus>')
    item = replace(example(), stimuli=(stimulus,))
    shown = render(item, ADA).html
    assert '<div class="qti-x"><p>See <span>the act</span>.</p></div>' in shown
    assert shown.index("the act") < shown.index("Must a circuit")
    assert survives(item)


def test_a_formula_is_shown_by_its_presentation_and_its_fences_are_signs() -> None:
    formula = Element(
        "m:mfenced",
        (("close", "]"), ("open", "["), ("separators", ";,")),
        tuple(Element("m:mn", (), (str(n),)) for n in range(4)),
    )
    annotated = Element("m:semantics", (), (formula, Element("m:annotation", (), ("interval",))))
    body = Element(
        "qti-item-body", (), (Element("m:math", (), (annotated,)), Element("m:math", (), (Element("m:mfenced"),)))
    )
    shown = render(Item(Element("qti-assessment-item", (), (body,))), ADA).html
    row = "".join(f"<mo>{sign}</mo><mn>{n}</mn>" for n, sign in enumerate("[;,,"))
    assert f"<math><mrow>{row}<mo>]</mo></mrow></math><math><mrow><mo>(</mo><mo>)</mo></mrow></math>" in shown


# -- public items ------------------------------------------------------------------------------------------


@pytest.mark.needs_data
def test_public_items_survive_the_last_filter_whole(shared_data: Path) -> None:
    folder = shared_data / "qti/1edtech-qti-examples/QTI3_BPIG_Examples/items"
    items = [read(folder.joinpath(name).read_bytes()) for name in ("MathML.xml", "ruby_i23n.xml", "RTL_Hebrew.xml")]
    assert all(survives(item) for item in items)
    formula = render(items[0], ADA).html
    assert "<math><mrow>" in re.sub(r">\s+<", "><", formula)
    assert '<div dir="rtl">' in render(items[2], ADA).html
    assert "<ruby><rb>真</rb><rt>まこと</rt></ruby>" in render(items[1], ADA).html


@pytest.mark.needs_data
def test_no_byte_of_any_public_item_depends_on_what_only_a_scorer_needs(shared_data: Path) -> None:
    items = [entry.item for entry in read_package(shared_data / "qti", apart=True).entries]
    assert len(items) > 400
    for item in items:
        blind = without_secrets(item)
        assert render(blind, ADA) == render(item, ADA), item.identifier


def test_no_byte_of_any_item_of_the_demo_bank_depends_on_its_key() -> None:
    folder = Path(__file__).parents[3] / "item_bank/packages"
    items = [entry.item for path in sorted(folder.iterdir()) for entry in read_package(path).entries]
    assert len(items) > 120
    for item in items:
        assert render(without_secrets(item), ADA) == render(item, ADA)
        assert item.metadata.rationale not in render(item, ADA).html
