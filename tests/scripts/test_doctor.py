"""The doctor's answers: each no beside the twin that is well, and a word on what to do about every no."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from engine.exam import Exam
from engine.sources import epoch_ms, later, system
from proctoring.model import MODEL_FILE
from scripts import doctor
from scripts.doctor import NO, NOTE, YES, Finding
from scripts.server import make_certificate
from tests.bodies import Body
from tests.scripts.shell import Shell
from web.settings import Settings


def answers(findings: list[Finding]) -> dict[str, str]:
    return {one.check: one.answer for one in findings}


def in_folder(folder: Path, **more: object) -> Settings:
    found = {"data": folder / "a/data", "keys": folder / "b/keys", "models": folder / "models", "demo": False, **more}
    return Settings.model_validate(found)


# -- the command --------------------------------------------------------------------------------------


def test_an_empty_machine_is_told_what_to_do_about_every_no(shell: Shell) -> None:
    told = shell.json("doctor", code=1)
    checks: list[dict[str, str]] = told["checks"]
    wrong = {one["check"] for one in checks if one["answer"] == NO}
    assert {"keys", "face model", "data folder"} == wrong
    assert [] == [one["check"] for one in checks if one["answer"] == NO and not one["what_to_do"]]


def test_the_ways_it_names_make_the_machine_ready(shell: Shell, shared_data: Path) -> None:
    shell.json("db", "upgrade")
    shell.json("keys", "create")
    shutil.copytree(shared_data / "models", shell.folder / "models")
    told = shell.json("doctor")
    assert (True, False) == (told["ok"], told["demo"])


def test_people_read_a_table(shell: Shell) -> None:
    ran = shell("doctor")
    assert (1, True) == (ran.code, "to mend" in ran.out)


def test_the_demo_is_well_and_knows_what_its_exam_may_need(shell: Shell, demo_body: Body, shared_data: Path) -> None:
    shell.enter(demo_body)
    told = shell.json("doctor")
    checks = {one["check"]: one for one in told["checks"]}
    assert NOTE == checks["keys apart from data"]["answer"]
    assert "forecast" in checks["disk"]["found"]
    assert " 0 MiB forecast" not in checks["disk"]["found"]


# -- keys ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "keys", "demo", "expected"),
    [
        ("srv/data", "srv/data/keys", False, NO),  # inside
        ("srv/data", "srv/keys", False, NO),  # one tree is copied, both are gone
        ("srv/keys/data", "srv/keys", False, NO),
        ("srv/data", "etc/keys", False, YES),
        ("srv/data", "srv/keys", True, NOTE),
    ],
)
def test_keys_stand_apart_from_the_data(data: str, keys: str, demo: bool, expected: str, tmp_path: Path) -> None:
    found = doctor.keys_apart(in_folder(tmp_path, data=tmp_path / data, keys=tmp_path / keys, demo=demo))
    assert (expected, expected == NO) == (found.answer, bool(found.what_to_do))


def test_a_link_does_not_make_keys_stand_apart(tmp_path: Path) -> None:
    (tmp_path / "srv/keys").mkdir(parents=True)
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/keys").symlink_to(tmp_path / "srv/keys")
    found = doctor.keys_apart(in_folder(tmp_path, data=tmp_path / "srv/data", keys=tmp_path / "etc/keys"))
    assert NO == found.answer


def test_keys_that_others_may_read_are_a_no(shell: Shell) -> None:
    shell.json("keys", "create")
    settings = Settings()
    assert {"keys": YES, "keys apart from data": YES} == answers(list(doctor.keys(settings)))
    (settings.keys / "items.key").chmod(0o644)
    found = list(doctor.keys(settings))
    assert {"keys": NO, "keys apart from data": YES} == answers(found)
    assert "items.key" in found[0].found


def test_lost_keys_are_restored_and_new_ones_made_only_where_there_is_no_data(shell: Shell) -> None:
    assert "invigil keys create" in next(doctor.keys(Settings())).what_to_do
    shell.json("db", "upgrade")
    assert "invigil keys restore" in next(doctor.keys(Settings())).what_to_do


# -- what browsers meet -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("base_url", "expected"),
    [
        ("https://exam.example", YES),
        ("http://exam.example", NO),
        ("http://192.168.1.4:8000", NO),
        ("http://127.0.0.1:8000", NOTE),
        ("http://[::1]:8000", NOTE),
        ("http://ada.localhost:8000", NOTE),
        ("http://localhost.example", NO),
    ],
)
def test_cameras_open_on_secure_origins_only(base_url: str, expected: str, tmp_path: Path) -> None:
    found = next(doctor.address(in_folder(tmp_path, base_url=base_url)))
    assert (expected, expected == NO) == (found.answer, bool(found.what_to_do))


def test_a_server_for_other_machines_needs_tls(tmp_path: Path) -> None:
    assert NO == doctor.tls(in_folder(tmp_path, host="0.0.0.0"), https=False).answer
    assert NOTE == doctor.tls(in_folder(tmp_path, host="127.0.0.1"), https=False).answer
    assert NOTE == doctor.tls(in_folder(tmp_path, host="0.0.0.0"), https=True).answer


def test_a_certificate_of_our_own_is_looked_at(tmp_path: Path) -> None:
    settings = in_folder(tmp_path, host="0.0.0.0")
    make_certificate("127.0.0.1", settings.keys / "tls.pem", settings.keys / "tls-key.pem")
    assert YES == doctor.tls(settings, https=False).answer
    (settings.keys / "tls.pem").write_text("no certificate")
    assert NO == doctor.tls(settings, https=False).answer


# -- this machine -------------------------------------------------------------------------------------


def test_this_machine_runs_the_tests_so_it_is_well() -> None:
    assert {"Python": YES, "our packages": YES, "OpenCV": YES} == answers(list(doctor.machine()))


def test_packages_of_our_names_from_elsewhere_are_a_no(tmp_path: Path) -> None:
    found = doctor.packages(tmp_path)
    assert (NO, True) == (found.answer, "engine is" in found.found)


def test_a_library_that_opencv_lacks_is_named_with_its_package() -> None:
    said = "ImportError: libGL.so.1: cannot open shared object file: No such file or directory"
    found = doctor.missing_library(said)
    assert (NO, True, True) == (found.answer, "libGL.so.1" in found.found, "libgl1" in found.what_to_do)
    assert "libodd.so.3" in doctor.missing_library("libodd.so.3: cannot open").what_to_do
    assert "No module named 'cv2'" in doctor.missing_library("ModuleNotFoundError: No module named 'cv2'").found


# -- model, database, clock, disk ---------------------------------------------------------------------


def test_the_model_is_there_missing_or_another(tmp_path: Path, shared_data: Path) -> None:
    assert YES == next(doctor.model(in_folder(tmp_path, models=shared_data / "models"))).answer
    settings = in_folder(tmp_path)
    missing = next(doctor.model(settings))
    assert (NO, True) == (missing.answer, "invigil models fetch" in missing.what_to_do)
    settings.models.mkdir()
    (settings.models / MODEL_FILE).write_bytes(b"another")
    wrong = next(doctor.model(settings))
    assert (NO, True) == (wrong.answer, "Remove it" in wrong.what_to_do)


def test_a_database_is_looked_at_whatever_it_is(shell: Shell) -> None:
    shell.json("db", "upgrade")
    settings = Settings()
    wanted = {"data folder": YES, "database": YES, "SQLite": NOTE, "clock": YES, "disk": YES}
    found = answers(list(doctor.storage(settings)))
    assert wanted.keys() == found.keys()
    assert {name: answer for name, answer in wanted.items() if name != "SQLite"} == {
        name: answer for name, answer in found.items() if name != "SQLite"
    }
    for path in settings.data.glob("invigil.db*"):
        path.unlink()
    assert {"data folder": YES, "database": NO, "disk": YES} == answers(list(doctor.storage(settings)))
    settings.database.write_bytes(b"this is no database at all" * 64)
    assert {"data folder": YES, "database": NO, "disk": YES} == answers(list(doctor.storage(settings)))


def test_tables_of_another_version_ask_for_an_upgrade(shell: Shell) -> None:
    settings = Settings()
    settings.data.mkdir(parents=True)
    settings.database.touch()
    found = {one.check: one for one in doctor.storage(settings)}
    assert (NO, True) == (found["database"].answer, "invigil db upgrade" in found["database"].what_to_do)


def test_an_old_sqlite_is_a_note_and_never_a_no() -> None:
    assert [NOTE, NOTE, YES, YES] == [
        doctor.sqlite(version).answer for version in ((3, 40, 1), (3, 51, 2), (3, 51, 3), (4, 0, 0))
    ]


def test_a_clock_behind_the_data_is_a_no(tmp_path: Path) -> None:
    database = tmp_path / "invigil.db"
    database.touch()
    now = system().now()
    assert YES == doctor.clock(None, database).answer
    assert YES == doctor.clock(epoch_ms(later(now, -64_000)), database).answer
    assert NO == doctor.clock(epoch_ms(later(now, 3_600_000)), database).answer
    os.utime(database, (now.timestamp() + 7_200, now.timestamp() + 7_200))
    assert NO == doctor.clock(None, database).answer


def test_the_forecast_grows_with_seats_and_minutes() -> None:
    small = doctor.forecast_bytes([Exam(seats=8, limit_ms=60 * 60_000)])
    assert [0, 2 * small, 4 * small] == [
        doctor.forecast_bytes([]),
        doctor.forecast_bytes([Exam(seats=16, limit_ms=60 * 60_000)]),
        doctor.forecast_bytes([Exam(seats=16, limit_ms=120 * 60_000)]),
    ]


def test_a_disk_too_small_is_a_no_that_says_how_much_is_wanted(tmp_path: Path) -> None:
    assert YES == doctor.disk(tmp_path / "not/yet/there", 0).answer
    found = doctor.disk(tmp_path, 1 << 60)
    assert (NO, True) == (found.answer, "GiB are wanted" in found.what_to_do)
