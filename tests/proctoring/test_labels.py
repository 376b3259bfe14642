"""Labels are read as people write them, and every way to write them wrongly is told with its line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import Refused
from proctoring import labels
from proctoring.labels import Label, read_labels

PICTURES = {"a.jpg", "b.jpg", "c.jpg"}


def test_the_columns_are_read_whatever_their_order_and_others_are_passed_over() -> None:
    table = (
        "\ufeffnote,faces,frontal,file,condition,group\nx,2,1,a.jpg,glasses; dim room,north\n,0,2,b.jpg,,\n".encode()
    )
    assert read_labels(table, PICTURES) == (
        Label("a.jpg", 2, ("glasses", "dim room", "faces look into the camera"), "north"),
        Label("b.jpg", 0, (), ""),
    )


def test_rows_that_do_not_count_are_left_out() -> None:
    table = b"file,faces,count_ok\na.jpg,1,1\nb.jpg,1,0\nc.jpg,1,\n"
    assert [label.file for label in read_labels(table, PICTURES)] == ["a.jpg", "c.jpg"]


@pytest.mark.parametrize(
    ("table", "line", "why"),
    [
        (b"", 1, "no column file and faces"),
        (b"file,count\na.jpg,1\n", 1, "no column faces"),
        (b"file,faces,faces\na.jpg,1,1\n", 1, "two columns"),
        (b"file,faces\nz.jpg,1\n", 2, "not there"),
        (b"file,faces\n../a.jpg,1\n", 2, "not there"),
        (b"file,faces\na.jpg,many\n", 2, "whole number"),
        (b"file,faces\na.jpg,-1\n", 2, "whole number"),
        (b"file,faces\na.jpg," + b"9" * 9 + b"\n", 2, "whole number"),
        ("file,faces\na.jpg,²\n".encode(), 2, "whole number"),
        (b"file,faces\na.jpg\n", 2, "fields"),
        (b"file,faces\na.jpg,1,2\n", 2, "fields"),
        (b"file,faces,count_ok\na.jpg,1,maybe\n", 2, "count_ok"),
        (b"file,faces\na.jpg,1\na.jpg,2\n", 3, "twice"),
        (b"file,faces\n", None, "no row"),
        (b"file,faces,count_ok\na.jpg,1,0\n", None, "no row"),
        (b"file,faces\n\xff\xfe,1\n", None, "UTF-8"),
        (b'file,faces\n"a.jpg,1\n', None, "no table"),
    ],
)
def test_what_is_wrong_is_told_with_its_line_and_a_remedy(table: bytes, line: int | None, why: str) -> None:
    with pytest.raises(Refused) as refused:
        read_labels(table, PICTURES)
    facts = refused.value.facts
    assert (refused.value.code, facts["file"], facts.get("line")) == ("INPUT_INVALID", "labels.csv", line)
    assert why in str(facts["why"])
    assert facts["what_to_do"]


def test_a_table_beyond_all_measure_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(labels, "MOST_LABELS_BYTES", 16)
    with pytest.raises(Refused) as refused:
        read_labels(b"file,faces\na.jpg,1\n", PICTURES)
    assert refused.value.code == "INPUT_TOO_LARGE"


@given(st.binary(max_size=256))
def test_any_bytes_are_labels_or_a_refusal(table: bytes) -> None:
    for data in (table, b"file,faces\n" + table):
        try:
            read_labels(data, PICTURES)
        except Refused as refused:
            assert refused.facts["what_to_do"]
