"""Accommodations of APIP become catalogs that the elements they are about name."""

from __future__ import annotations

import pytest

from item_bank.item import Element
from item_bank.qti import upgrade, xml
from item_bank.qti.reader import is_valid
from item_bank.refusal import Notes

APIP = "http://www.imsglobal.org/xsd/apip/apipv1p0/imsapip_qtiv1p0"
QTI = "http://www.imsglobal.org/xsd/apip/apipv1p0/qtiitem/imsqti_v2p1"
WHOLE = "<contentLinkInfo qtiLinkIdentifierRef='stem'><textLink><fullString/></textLink></contentLinkInfo>"


def upgraded(access: str) -> tuple[upgrade.Upgraded, Notes]:
    text = f"""<assessmentItem xmlns="{QTI}" identifier="i" title="T" timeDependent="false" adaptive="false">
        <itemBody><p id="stem">Say <b id="word">ampere</b>.</p></itemBody>
        <apipAccessibility xmlns="{APIP}">{access}</apipAccessibility></assessmentItem>"""
    notes = Notes("q.xml")
    document = xml.read(text.encode(), notes)
    assert document is not None, notes.refusals
    return upgrade.upgrade(document.root, notes), notes


def about(related: str, link: str = WHOLE, identifier: str = "a1") -> str:
    inside = f"{link}<relatedElementInfo>{related}</relatedElementInfo>"
    return f"<accessibilityInfo><accessElement identifier='{identifier}'>{inside}</accessElement></accessibilityInfo>"


def cards(done: upgrade.Upgraded) -> list[Element]:
    return list(done.root.descendants("qti-card"))


def test_a_spoken_text_becomes_a_card_and_its_paragraph_names_the_catalog() -> None:
    done, notes = upgraded(about("<spoken><spokenText contentLinkIdentifier='s1'>Say am-pair.</spokenText></spoken>"))
    assert [] == notes.refusals
    assert "a1" == next(done.root.descendants("p")).get("data-catalog-idref")
    assert ["a1"] == [one.get("id") for one in done.root.descendants("qti-catalog")]
    assert [("spoken", "Say am-pair.")] == [(one.get("support"), one.text) for one in cards(done)]
    assert is_valid(done.root, Notes("q.xml"))


def test_how_a_machine_says_it_is_an_entry_beside_the_text_for_people() -> None:
    spoken = "<spokenText>ampere</spokenText><textToSpeechPronunciation>am pair</textToSpeechPronunciation>"
    done, notes = upgraded(about(f"<spoken>{spoken}</spoken>"))
    assert [] == notes.refusals
    assert [("true", None, "ampere"), (None, "text-to-speech", "am pair")] == [
        (one.get("default"), one.get("data-reading-type"), one.text) for one in done.root.descendants("qti-card-entry")
    ]
    assert is_valid(done.root, Notes("q.xml"))


def test_translations_are_entries_by_language_and_files_are_named() -> None:
    words = "".join(
        f"<definitionId xml:lang='{one}'><textString>{one}</textString></definitionId>" for one in ("de", "fr")
    )
    film = "<videoFileInfo mimeType='video/mp4'><fileHref> asl.mp4 </fileHref></videoFileInfo>"
    signed = f"<signing><signFileASL>{film}</signFileASL></signing>"
    done, notes = upgraded(about(f"<keyWordTranslation>{words}</keyWordTranslation>{signed}"))
    assert [] == notes.refusals
    assert ["keyword-translation", "sign-language"] == [one.get("support") for one in cards(done)]
    assert ["de", "fr"] == [one.get("xml:lang") for one in done.root.descendants("qti-card-entry")]
    assert [("video/mp4", "asl.mp4")] == [
        (one.get("mime-type"), one.text) for one in done.root.descendants("qti-file-href")
    ]
    assert is_valid(done.root, Notes("q.xml"))


def test_one_element_may_name_several_catalogs() -> None:
    braille = "<brailleText><brailleTextString>x</brailleTextString></brailleText>"
    done, _ = upgraded(about(braille) + about(braille, identifier="a2"))
    assert "a1 a2" == next(done.root.descendants("p")).get("data-catalog-idref")


def test_accommodations_that_say_nothing_leave_nothing() -> None:
    done, notes = upgraded("")
    assert ([], []) == (notes.refusals, list(done.root.descendants("qti-catalog-info")))


@pytest.mark.parametrize(
    ("access", "element", "reason"),
    [
        ("<companionMaterialsInfo><calculator/></companionMaterialsInfo>", "companionMaterialsInfo", "no catalog card"),
        ("<inclusionOrder/>", "inclusionOrder", "no catalog card"),
        (about("<guidance/>"), "guidance", "no catalog card"),
        (about("<keyWordEmphasis/>"), "keyWordEmphasis", "no catalog card"),
        (about("<spoken/>"), "spoken", "no catalog card"),
        (about("<spoken><spokenText>x</spokenText><odd/></spoken>"), "odd", "no catalog card"),
        (
            about("<spoken><audioFileInfo><fileHref>a.mp3</fileHref><duration>3</duration></audioFileInfo></spoken>"),
            "duration",
            "no catalog card",
        ),
        (
            about("<spoken><spokenText>x</spokenText></spoken>", WHOLE.replace("fullString", "wordLink")),
            "wordLink",
            "only whole elements",
        ),
        (
            about("<spoken><spokenText>x</spokenText></spoken>", WHOLE.replace("stem", "gone")),
            "qti-assessment-item",
            "which is not there",
        ),
    ],
)
def test_what_catalogs_cannot_say_is_refused_by_name(access: str, element: str, reason: str) -> None:
    _, notes = upgraded(access)
    assert element in [one.element for one in notes.refusals]
    assert reason in notes.refusals[0].reason


def test_every_part_is_told_once() -> None:
    done, _ = upgraded(about("<spoken><spokenText contentLinkIdentifier='s1'>x</spokenText></spoken>"))
    told = [one.name.rpartition("}")[2] for one in done.changes if one.became == "qti-catalog-info"]
    assert [
        *("apipAccessibility", "accessibilityInfo", "accessElement", "@identifier", "contentLinkInfo"),
        *("@qtiLinkIdentifierRef", "textLink", "fullString", "relatedElementInfo", "spoken", "spokenText"),
        "@contentLinkIdentifier",
    ] == told
