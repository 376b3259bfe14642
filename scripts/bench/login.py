"""``invigil bench login``: a herd signs in by password, held against the bare hash rate of the same machine.

A password costs a slow hash, and the hashes are worked on by a few threads (`web.sign_in`). Everything around them
should cost next to nothing: so many logins a second as that many threads can do bare hashes a second, no more and
hardly fewer. The bare rate is measured before and after, in the same run. Meanwhile a small room goes on saving
answers, which is what a herd at the door must not disturb.

    share = logins_per_s / bare_hashes_per_s
"""

from __future__ import annotations

import json
import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from engine.people import AccountAdded, PersonAdded, spend_a_hash
from engine.sources import Sources, system
from engine.store import Put, row
from engine.writer import Act, Transaction
from scripts import console
from scripts.bench.crowd import SETTLES_MS
from scripts.bench.lines import figures_of, let_go, reported, room, signed_in
from scripts.callers import Ask, Gate, Loop, Story, raise_file_limit, room_of
from scripts.crowd import Crowd, gather
from scripts.served import Served, free_port
from web.house import House

PASSWORD: Final = "a herd has one password"  # noqa: S105 — invented, for a folder that is thrown away
SITTING: Final = 16
SAVES_PER_S: Final = 40
BARE: Final = 24
TO_A_ROOM: Final = 50


def command(
    logins: Annotated[int, typer.Option(min=4, max=10_000, help="How many sign in at once.")] = 100,
    as_json: console.Json = False,
) -> None:
    """Logins by password a second, as a share of the bare hash rate, and what answers waited meanwhile."""
    raise_file_limit()
    with tempfile.TemporaryDirectory(prefix="invigil-bench-") as folder:
        sources = system()
        console.progress(f"{logins} accounts, and {SITTING} candidates who save …")
        crowd = gather(Path(folder), sources, SITTING, running=True, forms=SITTING)
        accounts = staff(crowd, sources, logins)
        told = measure(crowd, sources, accounts)
    (console.tell if told["ok"] else console.no)(told, as_json, title="A herd at the door")


def staff(crowd: Crowd, sources: Sources, count: int) -> list[str]:
    """So many accounts, all with `PASSWORD`. One hash is made, and given to all: nothing here guards anything."""
    names = [f"herd{number:05}" for number in range(count)]
    with House(crowd.settings, sources) as house:

        def add(tx: Transaction) -> None:
            for name in names:
                person = sources.new_id("per")
                identity = house.keyring.mac("identity", "herd", person).hex()
                known = PersonAdded(name, f"{name}@herd.example", "en", False, identity)
                tx.append(f"person/{person}", "operator", sources.now(), known, AccountAdded(name))

        def share(tx: Transaction) -> None:
            given = row(tx.connection, "credential", login=names[0], kind="password")
            assert given is not None
            tx.apply(*(Put("credential", {**given, "login": name}) for name in names[1:]))

        house.writer.run(Act(add))
        house.people.set_password("operator", names[0], PASSWORD)
        house.writer.run(Act(share))
    return names


def measure(crowd: Crowd, sources: Sources, accounts: list[str]) -> dict[str, Any]:
    """The figures. ``ok`` is false when somebody did not get in, or a save was lost or refused."""
    people = signed_in(crowd, sources)
    before = bare_rate(sources, BARE)
    console.progress(f"A bare hash rate of {before:.1f} a second; the herd comes …")
    port = free_port()
    served = Served(crowd.settings.model_copy(update={"port": port}), port)
    loop = Loop(port, sources)
    done_ms: list[int] = []
    put_off = [0]
    try:
        served.wait(sources)
        for number, account in enumerate(accounts):
            loop.call(_signing_in(loop, account, done_ms, put_off), room_of(number, TO_A_ROOM))
        seconds = round(len(accounts) / before * 1.25) + 2
        with room("lines", port, people, SAVES_PER_S, seconds) as (lines, connected):
            loop.run(lambda: loop.waiting("door") == len(accounts))
            let_go(lines)
            begun_ms = loop.now_ms
            loop.open("door")
            loop.run(most_ms=SETTLES_MS * 100 + seconds * 20_000)
            saved = reported(lines)
            figures = figures_of(crowd, port)
        failures = [*connected["failures"], *saved["failures"], *loop.failures]
        if served.stop() != 0:
            failures.append("the server did not stop in good order")
    finally:
        served.kill()
        loop.close()
    bare = (before + bare_rate(sources, BARE)) / 2
    took_s = (max(done_ms, default=begun_ms) - begun_ms) / 1_000
    rate = len(done_ms) / took_s if took_s else 0.0
    return {
        "ok": not failures and len(done_ms) == len(accounts) and saved["acked"] == saved["sent"],
        "logins": len(done_ms),
        "logins_s": round(took_s, 3),
        "logins_per_s": round(rate, 2),
        "bare_hashes_per_s": round(bare, 2),
        "share": round(rate / bare, 3),
        "threads": threads(),
        "put_off": put_off[0],
        "saves": saved["acked"],
        "save_p50_ms": saved["p50_ms"],
        "save_p99_ms": saved["p99_ms"],
        "save_max_ms": saved["max_ms"],
        "longest_pause_ms": figures.get("loop", {}).get("longest_ms"),
        "latest_tick_ms": figures["ticks"]["latest_ms"],
        "failures": failures[:10],
    }


def threads() -> int:
    """As many as the server works on passwords with (`web.sign_in`)."""
    return max(1, (os.cpu_count() or 2) - 1)


def bare_rate(sources: Sources, count: int) -> float:
    """Hashes a second of a pool of so many threads, and nothing around them."""
    with ThreadPoolExecutor(threads()) as pool:
        begun_ms = sources.clock.monotonic_ms()
        for done in [pool.submit(spend_a_hash) for _ in range(count * threads())]:
            done.result()
        return 1_000 * count * threads() / max(1, sources.clock.monotonic_ms() - begun_ms)


def _signing_in(loop: Loop, account: str, done_ms: list[int], put_off: list[int]) -> Story:
    told = json.dumps({"account": account, "password": PASSWORD}).encode()
    yield Gate("door")
    headers = {"content-type": "application/json", "accept": "application/json"}
    answer = yield Ask("POST", "/api/login", headers, told)
    put_off[0] += answer.tries - 1
    if answer.status != 200:
        raise ValueError(f"{account} was refused: {answer.status}")
    done_ms.append(loop.now_ms)
