"""Certification's tables, all projections, and the questions put to them.

* ``scheme`` lists scheme versions; ``decision`` lists decisions and, once made, their outcome. Votes stand
  in no table: they are sealed in the decision's own stream until all are in.
* ``certificate`` is the public check's index. It holds neither number nor name, only keyed digests of
  them, so that whoever reads the table can confirm nothing without key, number *and* name.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Column
from sqlmodel import Field, SQLModel

from engine.store import PROJECTION, Connection, row, rows


class SchemeRow(SQLModel, table=True):
    __tablename__ = "scheme"
    __table_args__ = (PROJECTION,)
    scheme: str = Field(primary_key=True)
    version: int = Field(primary_key=True)
    title: str
    phase: str
    drafted_by: str
    activated_by: str = ""


class DecisionRow(SQLModel, table=True):
    __tablename__ = "decision"
    __table_args__ = (PROJECTION,)
    decision: str = Field(primary_key=True)
    sitting: str = Field(index=True)
    candidate: str = Field(index=True)
    scheme: str
    scheme_version: int
    phase: str = Field(index=True)
    outcome: str = ""
    opened_ms: int = Field(sa_column=Column(BigInteger, nullable=False))


class DeciderRow(SQLModel, table=True):
    """Who sits on which panel: what a decider's own page asks for."""

    __tablename__ = "decider"
    __table_args__ = (PROJECTION,)
    decision: str = Field(primary_key=True)
    person: str = Field(primary_key=True, index=True)


class CertificateRow(SQLModel, table=True):
    __tablename__ = "certificate"
    __table_args__ = (PROJECTION,)
    certificate: str = Field(primary_key=True)
    number_mac: str = Field(unique=True)
    holder_mac: str
    decision: str = Field(unique=True)
    holder: str = Field(index=True)
    scheme: str
    scheme_version: int
    scope: str
    effective_ms: int = Field(sa_column=Column(BigInteger, nullable=False))
    expires_ms: int = Field(sa_column=Column(BigInteger, nullable=False))
    state: str


def schemes(connection: Connection) -> list[dict[str, Any]]:
    """Every edition, by scheme and number."""
    return sorted(rows(connection, "scheme"), key=lambda one: (one["scheme"], one["version"]))


def decisions(connection: Connection, **where: Any) -> list[dict[str, Any]]:
    """Decisions in the order they were opened."""
    return rows(connection, "decision", order="opened_ms", **where)


def panels_of(connection: Connection, person: str) -> list[dict[str, Any]]:
    """The decisions whose panel ``person`` sits on."""
    mine = [found["decision"] for found in rows(connection, "decider", person=person)]
    return decisions(connection, decision=mine)


def taken_parts(connection: Connection) -> list[dict[str, Any]]:
    """Deciders of made decisions who are recorded to have taken part: decision, candidate, person, part."""
    found = []
    for made in decisions(connection):
        for decider in rows(connection, "decider", decision=made["decision"]) if made["outcome"] else ():
            parts = rows(connection, "participation", person=decider["person"], candidate=made["candidate"])
            told = {"decision": made["decision"], "candidate": made["candidate"], "person": decider["person"]}
            found += [{**told, "part": one["role"]} for one in parts]
    return found


def certificate_by_number(connection: Connection, number_mac: str) -> dict[str, Any] | None:
    return row(connection, "certificate", number_mac=number_mac)


def certificate_of(connection: Connection, decision: str) -> dict[str, Any] | None:
    return row(connection, "certificate", decision=decision)


def certificates_held(connection: Connection, holder: str) -> list[dict[str, Any]]:
    return rows(connection, "certificate", holder=holder, order="effective_ms")
