"""What Invigil's saving is measured against: a typed row and a commit of its own for each request.

SQLModel on a SQLite file as durable as ours (WAL, ``synchronous=FULL``), in Starlette's thread pool. For
``invigil bench autosave`` alone; nothing of the product is stored like this.
"""

from __future__ import annotations

from pathlib import Path

import orjson
from sqlmodel import Field, Session, SQLModel, create_engine
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route


class Save(SQLModel, table=True):
    __tablename__ = "naive_save"
    id: int | None = Field(default=None, primary_key=True)
    writer: int
    seq: int
    item: str
    kind: str
    payload: str
    sha256: str
    client_ms: int


def naive(folder: Path, _port: int) -> Starlette:
    database = create_engine(f"sqlite:///{folder / 'naive.db'}")
    with database.connect() as connection:
        connection.exec_driver_sql("PRAGMA journal_mode=WAL")
    SQLModel.metadata.tables["naive_save"].create(database)

    def keep(sent: dict[str, object]) -> int | None:
        with Session(database) as work:
            row = Save.model_validate(sent)
            work.add(row)
            work.commit()
            return row.id

    async def save(request: Request) -> Response:
        told = orjson.loads(await request.body())
        kept = await run_in_threadpool(keep, {"writer": told["writer"], **told["rows"][0]})
        return Response(orjson.dumps({"kept": kept}), media_type="application/json")

    return Starlette(routes=[Route("/save", save, methods=["POST"])])
