"""Everything the environment may say, read once at the edge. Nothing below `web` reads it.

``INVIGIL_DATA``, ``INVIGIL_KEYS``, ``INVIGIL_MODELS``, ``INVIGIL_SPOOL``: folders · ``INVIGIL_HOST``,
``INVIGIL_PORT``, ``INVIGIL_BASE_URL``: where it listens and what people see · ``INVIGIL_DEMO``: one origin
a person on ``*.localhost`` · ``INVIGIL_SMTP_*``: where notices go by mail · ``INVIGIL_LOGIN``: where the
command line keeps its Login · ``INVIGIL_SIGN_IN_BURST``, ``INVIGIL_SIGN_INS_PER_S``: how many may sign in from
one address at once and each second (a classroom may be one address) · ``INVIGIL_LOOP_LIMIT_MS``: how long the
event loop may be silent before the log says what it does · ``INVIGIL_WORKERS``: how many processes look at frames
(0: one per core but one) · ``INVIGIL_FACES_EVERY``: faces are counted in one frame of so many (0: in none).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from proctoring.objects import Plugin


class Settings(BaseSettings):
    """Folders, addresses and switches. Defaults suit a first look in the current folder."""

    model_config = SettingsConfigDict(env_prefix="INVIGIL_", extra="ignore", frozen=True)

    data: Path = Path("var/data")
    keys: Path = Path("var/keys")
    models: Path = Path("var/models")
    spool: Path = Path("var/spool")
    login: Path = Path("var/login.json")
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    base_url: str = ""
    body_name: str = "Lindqvist Institute for Technical Certification"
    support: str = "the exam office, +00 555 0142"
    demo: bool = False
    workers: int = Field(default=0, ge=0, le=64)
    faces_every: int = Field(default=1, ge=0, le=4)
    objects_model: Path | None = None
    objects_sha256: str = Field(default="", pattern="^([0-9a-f]{64})?$")
    sign_in_burst: int = Field(default=2_000, ge=1, le=100_000)
    sign_ins_per_s: float = Field(default=20.0, gt=0, le=10_000)
    loop_limit_ms: int = Field(default=100, ge=10, le=10_000)
    smtp_host: str = ""
    smtp_port: int = 587
    smtp_user: str = ""
    smtp_password: str = ""
    smtp_sender: str = ""

    @property
    def objects(self) -> Plugin | None:
        """The plug-in that looks for telephones: off unless both its model and that file's SHA-256 are named."""
        named = self.objects_model is not None and self.objects_sha256
        return Plugin(self.objects_model, self.objects_sha256) if self.objects_model and named else None

    @property
    def database(self) -> Path:
        return self.data / "invigil.db"

    @property
    def evidence(self) -> Path:
        return self.data / "evidence"

    @property
    def uploads(self) -> Path:
        return self.data / "uploads"

    @property
    def url(self) -> str:
        return self.base_url or f"http://{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Patience:
    """How long the server waits: for a HELLO, for a wall that does not read, between two ticks. In seconds.

    And how fast one sitting may save before its rows are delayed: so many a second, so many at once.
    """

    hello_s: float = 10
    wall_s: float = 30
    tick_s: float = 1
    rows_per_s: float = 10
    row_burst: int = 50
