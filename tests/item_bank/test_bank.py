"""The bank's door: a package becomes forms only by the acts of separate people, and no text leaks on the way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from engine import people
from engine.errors import NotFound, Refused, Tampered
from engine.events import SYSTEM, FormAssigned
from engine.form import Drawn, Form, Forms, ItemRef, Items, Seat, Section
from engine.replay import rebuild
from engine.store import Change, rows
from engine.writer import Act
from item_bank.assembly import pool_digest
from item_bank.bank import FOLDS, PROJECTORS, KeysStated, key_of
from item_bank.blueprint import Blueprint, Row, from_record, to_record
from item_bank.item import Item, example
from item_bank.lifecycle import Phase
from item_bank.qti.reader import read_item
from tests.item_bank.house import House
from tests.item_bank.samples import MAP, choice_interaction, full_metadata, item_xml, resource, write_package

CANARY = "Canarymussel7423"
NAMES = [f"q-{n}" for n in range(1, 5)]
PLAN = Blueprint("demo", "Demo", (Section("s1", "Safety"),), (Row("r1", "s1", "D1", 3),), 600_000, 0.6)


def package(folder: Path, *, enemies: str = "", author: str = "emmy", body: str = "", names: list[str] = NAMES) -> Path:
    items = {
        name: item_xml(identifier=name, body=f"<p>{CANARY} {name} {body}</p>", interaction=choice_interaction())
        for name in names
    }
    told = full_metadata(author=author, enemies=enemies).replace("one is less", f"one {CANARY} is less")
    return write_package(folder, items, "".join(resource(name, told) for name in names))


@pytest.fixture
def live(house: House, tmp_path: Path) -> House:
    """A house whose four items are active."""
    house.bank.import_package(house.ids["emmy"], package(tmp_path / "p"))
    house.make_active(NAMES)
    return house


def refusal(act: Callable[[], object]) -> str:
    with pytest.raises(Refused) as refused:
        act()
    return refused.value.code


def test_the_bank_is_what_the_engine_asks_for(house: House) -> None:
    items: Items = house.bank
    forms: Forms = house.bank
    assert (items, forms) == (house.bank, house.bank)


# -- import ---------------------------------------------------------------------------------------------


def test_an_import_makes_drafts_and_a_second_one_changes_nothing(house: House, tmp_path: Path) -> None:
    folder = package(tmp_path / "p", author="Hedy")
    first = house.bank.import_package(house.ids["emmy"], folder)
    assert [(ref.item, ref.revision) for ref in first.drafted] == [(name, 1) for name in NAMES]
    listed = house.bank.list_items()
    assert [(one.ref, one.phase, one.domain, one.author) for one in listed] == [
        (ref, Phase.DRAFT, "D1", "Hedy") for ref in first.drafted
    ]
    assert (listed[0].difficulty, listed[0].cognitive_level, listed[0].language) == (0.75, "apply", "en")
    second = house.bank.import_package(house.ids["emmy"], folder)
    assert (second.drafted, second.unchanged) == ((), tuple(NAMES))
    assert house.bank.life("q-1").writers == {house.ids["emmy"], house.ids["hedy"]}


def test_a_changed_item_is_the_next_revision(house: House, tmp_path: Path) -> None:
    house.bank.import_package(house.ids["emmy"], package(tmp_path / "1"))
    again = house.bank.import_package(house.ids["emmy"], package(tmp_path / "2", body="mended"))
    assert {ref.revision for ref in again.drafted} == {2}
    assert {one.ref.revision for one in house.bank.list_items(phase="DRAFT", domain="D1")} == {2}
    assert house.bank.list_items(domain="D9") == ()


def test_what_cannot_be_taken_is_told_and_the_rest_is_kept(house: House, tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_bytes(item_xml(identifier="a"))
    (tmp_path / "b.xml").write_bytes(item_xml(identifier="b", body="<img/>"))
    loose = tmp_path / "loose"
    loose.mkdir()
    for name in "ab":
        (tmp_path / f"{name}.xml").rename(loose / f"{name}.xml")
    told = house.bank.import_package(house.ids["emmy"], loose, domain="D7", author="hedy")
    assert ([ref.item for ref in told.drafted], [one.file for one in told.refusals]) == (["a"], ["b.xml"])
    assert [(one.domain, one.author) for one in house.bank.list_items()] == [("D7", "hedy")]
    assert refusal(lambda: house.bank.approve(house.ids["grace"], ["a"])) == "ITEM_INVALID"


def test_only_a_writer_imports(house: House, tmp_path: Path) -> None:
    folder = package(tmp_path / "p")
    for login in ("grace", "bob", "ada"):
        assert refusal(partial(house.bank.import_package, house.ids[login], folder)) == "ROLE_MISSING"
    assert refusal(lambda: house.bank.import_package("operator", folder)) == "NOT_A_PERSON"
    assert house.bank.list_items() == ()


def test_no_text_of_an_item_lies_anywhere_on_the_disk(live: House, tmp_path: Path) -> None:
    ref = live.bank.list_items()[0].ref
    live.bank.for_candidate(ref, Seat("sit-1", bytes(32)))
    live.bank.show(live.ids["mary"], ref.item)
    data = tmp_path / "data"
    assert any(file.name.endswith("-wal") for file in data.iterdir())
    everything = b"".join(file.read_bytes() for file in data.iterdir())
    assert b"q-1" in everything
    for words in (CANARY, "Because one", "simple-choice"):
        assert words.encode() not in everything
        assert words.encode("utf-16-le") not in everything
    assert CANARY in live.bank.for_candidate(ref, Seat("sit-1", bytes(32))).html


# -- review, key, activation ----------------------------------------------------------------------------


def test_the_lawful_way_makes_items_active_and_every_step_is_on_the_record(live: House) -> None:
    assert {one.phase for one in live.bank.list_items()} == {Phase.ACTIVE}
    assert live.kinds("item/q-1") == [
        *("ItemDrafted", "ItemChecked", "ItemChecked", "ItemChecked", "ItemChecked", "KeyStated", "ItemActivated")
    ]
    assert live.kinds("vault/q-1") == ["ItemOpened"]


def test_whoever_wrote_an_item_cannot_approve_it_from_another_account(house: House, tmp_path: Path) -> None:
    house.bank.import_package(house.ids["emmy"], package(tmp_path / "p", author="hedy"))
    assert refusal(lambda: house.bank.approve(house.ids["hedy"], NAMES)) == "SOD_ITEM_AUTHOR"
    house.people.add_account("operator", house.ids["hedy"], "hedy-at-home")
    same = house.people.by_login("hedy-at-home").person
    assert refusal(lambda: house.bank.approve(same, NAMES)) == "SOD_ITEM_AUTHOR"
    assert house.bank.approve(house.ids["grace"], NAMES) == 4


def test_an_account_opened_after_the_import_still_names_its_author(house: House, tmp_path: Path) -> None:
    house.bank.import_package(house.ids["emmy"], package(tmp_path / "p", author="G.Hopper"))
    house.people.add_account("operator", house.ids["grace"], "g.hopper")
    assert refusal(lambda: house.bank.approve(house.ids["grace"], NAMES)) == "SOD_ITEM_AUTHOR"
    assert house.bank.approve(house.ids["rosalind"], NAMES) == 4


def test_one_person_never_makes_both_checks(house: House, tmp_path: Path) -> None:
    house.bank.import_package(house.ids["emmy"], package(tmp_path / "p"))
    house.bank.approve(house.ids["grace"], NAMES, "content")
    assert refusal(lambda: house.bank.approve(house.ids["grace"], NAMES)) == "SOD_SECOND_PERSON"
    assert house.bank.approve(house.ids["rosalind"], NAMES) == 4


def test_a_batch_is_done_whole_or_not_at_all_and_the_refusal_names_the_item(house: House, tmp_path: Path) -> None:
    house.bank.import_package(house.ids["emmy"], package(tmp_path / "p"))
    house.bank.approve(house.ids["grace"], ["q-3"])
    with pytest.raises(Refused) as refused:
        house.bank.approve(house.ids["grace"], NAMES)
    assert refused.value.facts["item"] == "q-3"
    assert {one.ref.item: one.phase for one in house.bank.list_items()} == {
        name: Phase.IN_REVIEW if name == "q-3" else Phase.DRAFT for name in NAMES
    }
    assert refusal(lambda: house.bank.approve(house.ids["grace"], [])) == "INPUT_INVALID"
    with pytest.raises(NotFound):
        house.bank.approve(house.ids["grace"], ["elsewhere"])


def test_roles_are_asked_for(live: House) -> None:
    bob, grace = live.ids["bob"], live.ids["grace"]
    bank = live.bank
    assert refusal(lambda: bank.approve(bob, NAMES)) == "ROLE_MISSING"
    assert refusal(lambda: bank.state_keys(bob, {"q-1": ("A",)})) == "ROLE_MISSING"
    assert refusal(lambda: bank.for_keying(bob, "q-1")) == "ROLE_MISSING"
    assert refusal(lambda: bank.activate(grace, NAMES)) == "ROLE_MISSING"
    assert refusal(lambda: bank.retire(grace, NAMES, "a reason")) == "ROLE_MISSING"
    assert refusal(lambda: bank.compromise(grace, NAMES, "a reason")) == "ROLE_MISSING"
    assert refusal(lambda: bank.show(bob, "q-1")) == "ROLE_MISSING"
    live.people.revoke("operator", live.ids["mary"], "bank-manager")
    assert refusal(lambda: bank.retire(live.ids["mary"], NAMES, "a reason")) == "ROLE_INACTIVE"


def test_the_key_is_stated_blind_and_must_agree(house: House, tmp_path: Path) -> None:
    house.bank.import_package(house.ids["emmy"], package(tmp_path / "p"))
    house.bank.approve(house.ids["grace"], NAMES)
    house.bank.approve(house.ids["rosalind"], NAMES)
    asked = house.bank.for_keying(house.ids["grace"], "q-1")
    assert (asked.options, asked.max_choices) == ((("A", "One"), ("B", "Two"), ("C", "Three")), 1)
    assert CANARY in asked.text
    assert "One" not in asked.text
    assert refusal(lambda: house.bank.for_keying(house.ids["emmy"], "q-1")) == "ROLE_MISSING"
    stated = house.bank.state_keys(house.ids["grace"], {"q-1": ("A",), "q-2": ("B",), "q-3": ("A", "B")})
    assert stated == KeysStated(("q-1",), ("q-2", "q-3"))
    assert refusal(lambda: house.bank.activate(house.ids["mary"], ["q-2"])) == "ITEM_INVALID"
    assert refusal(lambda: house.bank.activate(house.ids["mary"], ["q-4"])) == "SOD_SECOND_PERSON"
    assert house.bank.activate(house.ids["mary"], ["q-1"]) == 1
    assert house.bank.send_back(house.ids["grace"], ["q-2"], "the keys differ") == 1
    assert house.bank.life("q-2").latest.phase is Phase.DRAFT


def test_a_writer_who_reviews_too_is_kept_from_keying_an_own_item(house: House, tmp_path: Path) -> None:
    house.bank.import_package(house.ids["emmy"], package(tmp_path / "p", author="hedy"))
    assert refusal(lambda: house.bank.for_keying(house.ids["hedy"], "q-1")) == "SOD_ITEM_AUTHOR"
    assert house.bank.for_keying(house.ids["grace"], "q-1").item == "q-1"


def test_the_key_of_a_mapping_is_what_gives_points() -> None:
    assert key_of(example()) == ("yes",)
    mapped = (
        '<qti-response-declaration identifier="RESPONSE" cardinality="single" base-type="identifier"><qti-mapping>'
        '<qti-map-entry map-key="A" mapped-value="-1"/><qti-map-entry map-key="B" mapped-value="1"/>'
        "</qti-mapping></qti-response-declaration>"
    )
    item = read_item(item_xml(response=mapped, processing=f'<qti-response-processing template="{MAP}"/>'), "q.xml")
    assert isinstance(item, Item)
    assert key_of(item) == ("B",)


# -- looking --------------------------------------------------------------------------------------------


def test_a_writer_sees_own_items_only_and_a_reviewer_all(live: House) -> None:
    assert live.bank.show(live.ids["emmy"], "q-1").metadata.rationale.startswith("Because")
    assert key_of(live.bank.show(live.ids["mary"], "q-1")) == ("A",)
    live.people.revoke("operator", live.ids["hedy"], "reviewer")
    with pytest.raises(NotFound):
        live.bank.show(live.ids["hedy"], "q-1")
    with pytest.raises(NotFound):
        live.bank.show(live.ids["mary"], "elsewhere")
    assert live.kinds("vault/q-1").count("ItemOpened") == 3


def test_a_preview_is_what_a_candidate_sees(live: House) -> None:
    shown = live.bank.preview(live.ids["mary"], "q-1")
    ref = live.bank.list_items()[0].ref
    assert shown == live.bank.for_candidate(ref, Seat("preview-q-1-1", bytes(32)))


# -- drawing --------------------------------------------------------------------------------------------


def test_a_form_is_drawn_from_active_items_only(live: House, tmp_path: Path) -> None:
    live.bank.import_package(live.ids["emmy"], package(tmp_path / "more", names=["q-9"]))
    drawn = live.bank.draw(to_record(PLAN).decode(), bytes(32))
    assert {place.ref.item for place in drawn.form.items} <= set(NAMES)
    assert drawn == live.bank.draw(to_record(PLAN).decode(), bytes(32))
    assert drawn.assembly_version == f"draw-1 pool {pool_digest(live.bank.pool(PLAN))}"
    live.bank.retire(live.ids["mary"], ["q-1"], "out of date")
    live.bank.compromise(live.ids["ada"], ["q-2"], "seen on a forum")
    assert refusal(lambda: live.bank.draw(to_record(PLAN).decode(), bytes(32))) == "BLUEPRINT_INFEASIBLE"
    assert refusal(lambda: live.bank.draw("{}", bytes(32))) == "INPUT_INVALID"


def test_items_on_assigned_forms_count_as_seen(live: House) -> None:
    form: Form = live.bank.draw(to_record(PLAN).decode(), bytes(32)).form
    assigned = FormAssigned(form, form.digest, "draw-1", 1)
    live.writer.run(Act(lambda tx: tx.append("sitting/sit-1", SYSTEM, live.sources.now(), assigned)))
    seen = {one.ref.item: one.seen for one in live.bank.pool(PLAN)}
    assert seen == {name: int(name in {place.ref.item for place in form.items}) for name in NAMES}


def give_out(house: House, stream: str, drawn: Drawn) -> None:
    assigned = FormAssigned(drawn.form, drawn.form.digest, drawn.assembly_version, drawn.attempts)
    house.writer.run(Act(lambda tx: tx.append(stream, SYSTEM, house.sources.now(), assigned)))


def test_many_forms_are_drawn_as_one_after_the_other_would_be(live: House) -> None:
    plan = to_record(replace(PLAN, exposure=0.5)).decode()
    seeds = [bytes([n]) * 32 for n in range(8)]
    many = live.bank.draw_many(plan, seeds)
    for n, seed in enumerate(seeds):
        one = live.bank.draw(plan, seed)
        assert one == many[n]
        give_out(live, f"sitting/sit-{n}", one)
    assert [] == live.bank.draw_many(plan, [])


def test_a_form_is_held_against_its_blueprint_alone_even_when_its_items_have_gone(live: House) -> None:
    plan = to_record(PLAN).decode()
    form = live.bank.draw(plan, bytes(32)).form
    live.bank.retire(live.ids["mary"], [form.items[0].ref.item], "out of date")
    assert () == live.bank.faults(plan, form)
    [fault] = live.bank.faults(plan, replace(form, items=form.items[1:]))
    assert "instead of" in fault
    [fault] = live.bank.faults(plan, replace(form, blueprint="another"))
    assert "another blueprint" in fault
    worth = replace(form.items[0], points=form.items[0].points + 1)
    [fault] = live.bank.faults(plan, replace(form, items=(worth, *form.items[1:])))
    assert fault.startswith(worth.position)


def test_enemies_of_the_metadata_keep_apart_on_a_form(house: House, tmp_path: Path) -> None:
    house.bank.import_package(house.ids["emmy"], package(tmp_path / "p", enemies="q-1 q-2"))
    house.make_active(NAMES)
    assert refusal(lambda: house.bank.draw(to_record(PLAN).decode(), bytes(32))) == "BLUEPRINT_INFEASIBLE"


# -- delivery and scoring -------------------------------------------------------------------------------


def test_an_answer_is_scored_by_the_options_this_seat_was_sent(live: House) -> None:
    ref, ada, bob = live.bank.list_items()[0].ref, Seat("sit-ada", bytes(32)), Seat("sit-bob", bytes(range(32)))
    shown = live.bank.for_candidate(ref, ada)
    outcomes = [live.bank.score(ref, {"RESPONSE": (option,)}, ada) for option in sorted(shown.rules[0].options)]
    assert sorted(outcome.score for outcome in outcomes) == [0.0, 0.0, 1.0]
    assert {outcome.max_score for outcome in outcomes} == {1.0}
    assert live.bank.score(ref, {}, ada).score == 0.0
    option = min(shown.rules[0].options)
    assert refusal(lambda: live.bank.score(ref, {"RESPONSE": (option,)}, bob)) == "RESPONSE_INVALID"
    assert refusal(lambda: live.bank.score(ref, {"RESPONSE": ("A",)}, ada)) == "RESPONSE_INVALID"


def test_a_reference_to_nothing_or_to_other_content_opens_nothing(live: House) -> None:
    ref, seat = live.bank.list_items()[0].ref, Seat("sit-1", bytes(32))
    with pytest.raises(NotFound):
        live.bank.for_candidate(ItemRef(ref.item, 9, ref.digest), seat)
    with pytest.raises(Tampered):
        live.bank.score(ItemRef(ref.item, ref.revision, "0" * 64), {}, seat)


def test_changing_only_key_and_rationale_changes_no_byte_for_the_candidate(live: House, tmp_path: Path) -> None:
    data = item_xml(identifier="q-1", body=f"<p>{CANARY} q-1 </p>").replace(b"<qti-value>A<", b"<qti-value>C<")
    told = full_metadata(author="hedy", enemies="q-2", level="analyse").replace("less", "more")
    live.bank.import_package(live.ids["emmy"], write_package(tmp_path / "n", {"q-1": data}, resource("q-1", told)))
    before, after = live.bank.life("q-1").revisions
    assert before.digest != after.digest
    seat = Seat("sit-1", bytes(32))
    shown = [live.bank.for_candidate(ItemRef("q-1", one.revision, one.digest), seat) for one in (before, after)]
    assert shown[0] == shown[1]


def test_tables_can_be_rebuilt_from_the_journal(live: House) -> None:
    before = live.bank.list_items()
    live.writer.run(Act(lambda tx: tx.apply(Change("item_revision", {}, {"phase": "DRAFT"}))))
    live.writer.__exit__(None, None, None)
    try:
        rebuild(live.database, FOLDS, [*PROJECTORS, people.project])
    finally:
        live.writer.__enter__()
    assert live.bank.list_items() == before
    with live.database.reading() as connection:
        assert len(rows(connection, "sealed_item")) == 4


def test_the_demo_packages_become_forms_under_the_blueprints_beside_them(house: House) -> None:
    folder = Path(__file__).parents[2] / "item_bank"
    told = [house.bank.import_package(house.ids["emmy"], path) for path in sorted((folder / "packages").iterdir())]
    assert [one.refusals for one in told] == [(), ()]
    names = [ref.item for one in told for ref in one.drafted]
    assert len(names) >= 120
    reviewers = [house.ids["grace"], house.ids["rosalind"]]
    for reviewer in reviewers:
        assert house.bank.approve(reviewer, names) == len(names)
    keys = {name: key_of(house.bank.show(house.ids["mary"], name)) for name in names}
    assert house.bank.state_keys(reviewers[0], keys).differ == ()
    house.bank.activate(house.ids["mary"], names)
    for path in sorted((folder / "blueprints").glob("*.json")):
        blueprint = from_record(path.read_bytes())
        forms = [house.bank.draw(to_record(blueprint).decode(), seed.to_bytes(32)).form for seed in range(4)]
        assert {len(form.items) for form in forms} == {blueprint.items}
