"""``invigil models fetch``: get the face model, and believe nothing but its hash.

The model (YuNet of OpenCV Zoo, Apache-2.0, 233 kB) is no part of the repository. It is fetched over HTTPS into
INVIGIL_MODELS and kept only when its SHA-256 is the one this project was measured with. Without it face
checks run reduced, as hints to the proctor only.
"""

from __future__ import annotations

import http.client
import os
import urllib.error
import urllib.request
from pathlib import Path
from typing import Annotated, Final

import typer

from engine.errors import Tampered
from proctoring.model import MODEL_FILE, MODEL_SHA256, check_model, find_model
from scripts.console import Json, no, progress, tell
from web.settings import Settings

app = typer.Typer(help="The face model: fetch it.")

SOURCE: Final = f"https://github.com/opencv/opencv_zoo/raw/main/models/face_detection_yunet/{MODEL_FILE}"
MOST_BYTES: Final = 4 << 20


@app.command()
def fetch(
    source: Annotated[str, typer.Option(help="Where to get it, over HTTPS; the hash decides, not the place.")] = SOURCE,
    timeout_s: Annotated[int, typer.Option(help="How long to wait for the other side.", min=1, max=600)] = 30,
    as_json: Json = False,
) -> None:
    """Get the face model from OpenCV Zoo into INVIGIL_MODELS, unless it is there already."""
    folder = Settings().models
    told = {"model": MODEL_FILE, "folder": str(folder), "sha256": MODEL_SHA256}
    if _is_there(folder, told, as_json):
        tell({"ok": True, "fetched": False, **told}, as_json, title="The model is there already")
        return
    if not source.startswith("https://"):
        raise typer.BadParameter("only https:// addresses", param_hint="--source")
    progress(f"Fetching {source} …")
    try:
        _keep(folder, _get(source, timeout_s))
    except (OSError, http.client.HTTPException, Tampered) as error:
        why = "it did not answer in time" if isinstance(error, TimeoutError) else _plain(error)
        about = {"ok": False, "code": "MODEL_NOT_FETCHED", "why": why, "source": source, **told}
        next_ = f"Try again, or put the file into {folder} yourself; until then face checks run reduced."
        no({**about, "what_to_do": next_}, as_json, title="The model could not be fetched")
    tell({"ok": True, "fetched": True, **told}, as_json, title="The model is there, and it is the right one")


def _is_there(folder: Path, told: dict[str, str], as_json: bool) -> bool:
    """Whether the model is there. Another file of its name is never overwritten: somebody should look at it."""
    try:
        return find_model(folder) is not None
    except Tampered as error:
        about = {"ok": False, "code": "MODEL_IS_ANOTHER", "why": error.why, **told}
        next_ = f"Find out who put {folder / MODEL_FILE} there, remove it, and fetch again."
        no({**about, "what_to_do": next_}, as_json, title="Another file has the model's name")


def _get(source: str, timeout_s: int) -> bytes:
    asked = urllib.request.Request(source, headers={"user-agent": "invigil"})  # noqa: S310 — https only, above
    try:
        with urllib.request.urlopen(asked, timeout=timeout_s) as answer:  # noqa: S310 — the same
            data: bytes = answer.read(MOST_BYTES + 1)
            return data
    except urllib.error.HTTPError as error:
        error.close()  # it holds the connection
        raise


def _keep(folder: Path, data: bytes) -> None:
    """Write beside, check, then rename: a file of that name is always the right one. Raises: `Tampered`."""
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f"{MODEL_FILE}.part"
    try:
        with part.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        check_model(part)
        part.rename(folder / MODEL_FILE)
    finally:
        part.unlink(missing_ok=True)


def _plain(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"the other side answered {error.code}"
    if isinstance(error, urllib.error.URLError):
        return f"it is out of reach: {error.reason}"
    return error.why if isinstance(error, Tampered) else str(error)
