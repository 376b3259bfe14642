"""Acts on the inventory of detectors: what is there, approving one on its error sheet, taking one out of use.

Each is one line of the table `ACTS` and runs as every other act does (`web.acts`). The model is the one that is
installed where the act runs: an approval speaks of nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from engine.errors import Refused
from engine.people import Login, Role
from engine.sources import iso
from proctoring.model import MODEL_SHA256, find_model
from web.house import House
from web.params import Params

Act = Callable[[House, Login, dict[str, Any]], Any]

_READING: Final = frozenset({Role.ADMINISTRATOR, Role.PROCTOR, Role.AUDITOR, Role.SYSTEM_ADMINISTRATOR})


def installed(house: House) -> str:
    """The SHA-256 of the face model of this installation; empty without one. Raises: `Tampered`."""
    return MODEL_SHA256 if find_model(house.settings.models) is not None else ""


def _list(house: House, login: Login, params: dict[str, Any]) -> list[dict[str, Any]]:
    if not house.people.roles(login.person) & _READING:
        raise Refused("ROLE_MISSING", role=" or ".join(sorted(_READING)))
    names = {one.person: one.name for one in house.people.everybody()}
    objects = house.settings.objects
    found = house.inventory.listed(installed(house), objects.sha256 if objects is not None else "")
    return [
        {
            **one,
            "approved_by": one["approved_by"] and names.get(one["approved_by"], one["approved_by"]),
            "approved_at": one["approved_at"] and iso(one["approved_at"]),
            "withdrawn": one["withdrawn"]
            and {**one["withdrawn"], "by": names.get(one["withdrawn"]["by"], ""), "at": iso(one["withdrawn"]["at"])},
            "also_approved": [{**other, "at": iso(other["at"])} for other in one["also_approved"]],
        }
        for one in found
    ]


def _approve(house: House, login: Login, params: dict[str, Any]) -> dict[str, Any]:
    """detector, sheet: the error sheet as ``invigil proctor report --out`` wrote it."""
    told = Params(params)
    detector, sheet = told.text("detector", 40), told.table("sheet")
    found = house.inventory.approve(login.person, detector, sheet, installed(house))
    return {
        "detector": detector,
        "model_sha256": found.model_sha256,
        "thresholds": found.thresholds,
        "sheet": found.sheet,
        "approved_by": login.name,
        "approved_at": iso(found.at),
    }


def _withdraw(house: House, login: Login, params: dict[str, Any]) -> dict[str, Any]:
    """detector, reason: it stops at once, whoever's exam is running."""
    told = Params(params)
    detector = told.text("detector", 40)
    house.inventory.withdraw(login.person, detector, told.text("reason", 500))
    return {"detector": detector}


ACTS: Final[Mapping[str, Act]] = {
    "detector.list": _list,
    "detector.approve": _approve,
    "detector.withdraw": _withdraw,
}
#: Those that ask for the password again. Stopping a detector never waits for one.
STEP_UP: Final = frozenset({"detector.approve"})
