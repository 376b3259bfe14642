"""The face model's file: which one it must be, and whether this one is it.

The model (YuNet of OpenCV Zoo, Apache-2.0) is no part of the repository. An operator names a folder that
holds it; a file of another digest is never loaded, because a changed detector would accuse people.

>>> find_model(None) is None
True
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

from engine.errors import NotFound, Tampered

MODEL_FILE: Final = "face_detection_yunet_2023mar.onnx"
MODEL_SHA256: Final = "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4"


def find_model(folder: Path | None) -> Path | None:
    """The face model in ``folder``, or None when it is not there: then face checks run reduced or not at all,
    and the caller must say so.

    Raises: `Tampered` when the file is another one.
    """
    if folder is None:
        return None
    path = folder / MODEL_FILE
    if not path.is_file():
        return None
    check_model(path)
    return path


def check_model(path: Path) -> None:
    """Raises: `Tampered` unless the file at ``path`` is the model this project was measured with."""
    check_file(path, MODEL_SHA256)


def check_file(path: Path, sha256: str) -> None:
    """Raises: `NotFound`; `Tampered` unless the file at ``path`` has this digest."""
    if not path.is_file():
        raise NotFound("model", path.name)
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != sha256:
        raise Tampered(path.name, f"its SHA-256 is {found}, not {sha256}")
