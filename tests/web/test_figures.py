"""What the server does with frames and time is told to those who run it, and to nobody else."""

from __future__ import annotations

from typing import Any

import pytest

from tests.web.site import PASSWORD, Site


def asked(site: Site, account: str) -> tuple[int, dict[str, Any]]:
    token = site.house.people.sign_in(account, PASSWORD) if account else ""
    answer = site.client.get("/api/figures", headers={"authorization": f"Bearer {token}"} if account else {})
    return answer.status_code, answer.json()


@pytest.mark.parametrize("account", ["linus", "mary"])
def test_who_runs_the_machine_or_the_day_sees_the_figures(site: Site, account: str) -> None:
    status, told = asked(site, account)
    assert (200, {"frames", "ticks", "loop", "collections"}) == (status, set(told))
    assert (0, 0, False) == (told["frames"]["analysed"], told["frames"]["dropped"], told["frames"]["model"])
    assert {"ticks", "longest_ms", "latest_ms"} == set(told["ticks"])


@pytest.mark.parametrize(("account", "status", "code"), [("grace", 403, "ROLE_MISSING"), ("", 401, "NOT_SIGNED_IN")])
def test_nobody_else_sees_them(site: Site, account: str, status: int, code: str) -> None:
    refused, told = asked(site, account)
    assert (status, code) == (refused, told["refused"]["code"])
