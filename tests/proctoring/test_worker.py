"""A worker: answers every frame, survives bad ones, ends with its pipe."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from proctoring import worker
from proctoring.pool import Lost, LostTo, pack_job, read_answer
from proctoring.signals import Observation
from proctoring.vision import Eye, encode
from proctoring.worker import serve
from tests.proctoring.conftest import bomb, drawn

PLAIN = encode(drawn())


@contextmanager
def served() -> Iterator[Connection[bytes, bytes]]:
    ours, theirs = Pipe()
    thread = threading.Thread(target=serve, args=(theirs, Eye(None)))
    thread.start()
    try:
        yield ours
    finally:
        ours.close()
        thread.join(16)
    assert not thread.is_alive()
    theirs.close()


def test_a_worker_says_its_detector_then_answers_and_ends_with_the_pipe() -> None:
    with served() as pipe:
        assert pipe.recv_bytes() == b"reduced"
        pipe.send_bytes(pack_job(PLAIN, None, faces=True))
        seen, trace = read_answer(pipe.recv_bytes())
        pipe.send_bytes(pack_job(PLAIN, trace, faces=True))
        again, _ = read_answer(pipe.recv_bytes())
    assert isinstance(seen, Observation)
    assert isinstance(again, Observation)
    assert (seen.change, again.change, again.identical) == (None, 0.0, True)


def test_a_bad_frame_is_answered_and_the_next_one_is_seen() -> None:
    with served() as pipe:
        pipe.recv_bytes()
        for bad in (bomb(), b"", PLAIN[:512], b"\x89PNG\r\n\x1a\n"):
            pipe.send_bytes(pack_job(bad, None, faces=True))
            assert read_answer(pipe.recv_bytes()) == (Lost(LostTo.UNREADABLE), None)
        pipe.send_bytes(pack_job(PLAIN, None, faces=True))
        assert isinstance(read_answer(pipe.recv_bytes())[0], Observation)


@pytest.mark.parametrize("with_model", [False, True])
def test_the_command_opens_its_eye_with_the_model_it_is_given(
    with_model: bool, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    model: Path | str = request.getfixturevalue("model") if with_model else ""
    monkeypatch.setattr(worker, "_hush", lambda: None)  # it would silence the tests' own process
    ours, theirs = Pipe()
    thread = threading.Thread(target=worker.main, args=([str(theirs.fileno()), str(model)],))
    thread.start()
    assert ours.recv_bytes() == (b"yunet" if with_model else b"reduced")
    ours.close()
    thread.join(16)
    assert not thread.is_alive()
    theirs._handle = None  # type: ignore[attr-defined]  # the worker's connection owned the descriptor
