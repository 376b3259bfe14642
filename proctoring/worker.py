"""A worker of the analysis pool: its own process, one eye, one pipe, one frame at a time.

`pool` starts it as ``python -m proctoring.worker DESCRIPTOR MODEL``. It says which detector it has, then
answers frames until the pipe closes, which also ends it when its parent dies. Before OpenCV is loaded it
makes itself polite (lower priority) and small (one gigabyte of address space): a picture that wants more
costs this process, not the machine.

>>> from proctoring.pool import pack_job
>>> serve_one(Eye(None), pack_job(b"no picture", None, faces=True)) == pack_answer(None)
True
"""

from __future__ import annotations

import contextlib
import os
import resource
import sys
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

_ADDRESS_SPACE: Final = 1 << 30
_NICE: Final = 10

if __name__ == "__main__":  # pragma: no cover — runs in the worker's own process, before OpenCV is loaded
    os.nice(_NICE)
    with contextlib.suppress(OSError, ValueError):  # not every system can bound it
        resource.setrlimit(resource.RLIMIT_AS, (_ADDRESS_SPACE, _ADDRESS_SPACE))

from proctoring.frame import FrameRefused  # noqa: E402
from proctoring.pool import pack_answer, read_job  # noqa: E402
from proctoring.vision import Eye  # noqa: E402
from proctoring.vision_objects import Objects  # noqa: E402


def serve(pipe: Connection[bytes, bytes], eye: Eye | Objects) -> None:
    """Say which detector there is, then answer frames until the other end closes."""
    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        pipe.send_bytes(eye.detector.value.encode("ascii"))
        while True:
            pipe.send_bytes(serve_one(eye, pipe.recv_bytes()))


def serve_one(eye: Eye | Objects, message: bytes) -> bytes:
    """Look at one frame; a picture that cannot be read is an answer, not an error."""
    jpeg, previous, faces = read_job(message)
    try:
        return pack_answer(eye.observe(jpeg, previous, faces=faces))
    except FrameRefused:
        return pack_answer(None)


def main(arguments: list[str]) -> None:
    """Serve on the descriptor named first, with the model named second (empty for none); where a digest follows, it
    is an operator's model that looks for objects."""
    pipe: Connection[bytes, bytes] = Connection(int(arguments[0]))
    model = Path(arguments[1]) if arguments[1] else None
    eye = Objects(model, arguments[2]) if model is not None and arguments[2:] else Eye(model)
    _hush()
    serve(pipe, eye)


def _hush() -> None:
    """From here on a broken picture makes the JPEG library talk; that is no news for the operator's log."""
    with Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)


if __name__ == "__main__":  # pragma: no cover — runs in the worker's own process
    main(sys.argv[1:])
