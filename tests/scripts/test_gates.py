"""The gates of scripts/test, on a small project of their own in a folder of the test's."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

GATES = Path(__file__).parents[1] / "gates.py"

HALF = "def half(number: int) -> int:\n    if number % 2:\n        return (number - 1) // 2\n    return number // 2\n"
BOTH_WAYS = "from engine.half import half\n\ndef test_half():\n    assert (half(4), half(5)) == (2, 2)\n"
ONE_WAY = "from engine.half import half\n\ndef test_half():\n    assert half(4) == 2\n"
SKIPS = "import pytest\n\ndef test_nothing():\n    pytest.skip('no camera')\n"


def run(folder: Path, own_test: str, story: str = "", ci: str = "") -> tuple[int, list[str]]:
    """The exit status and the lines about gates of a run over one module, its own test and a story."""
    files = {
        "engine/half.py": HALF,
        "tests/engine/test_half.py": own_test,
        "tests/stories/test_story.py": story,
    }
    for package in ("engine", "item_bank", "proctoring", "tests", "tests/engine", "tests/stories"):
        (folder / package).mkdir(parents=True)
        (folder / package / "__init__.py").touch()
    for name, text in files.items():
        (folder / name).write_text(text)
    (folder / "pyproject.toml").write_text("[tool.coverage.run]\nbranch = true\n")
    shutil.copy(GATES, folder / "tests/gates.py")
    asked = [f"--cov={package}" for package in ("engine", "item_bank", "proctoring")]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "tests.gates", "--cov-context=test", "--cov-report=", *asked],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "CI": ci},
        capture_output=True,
        text=True,
        check=False,
    )
    lines = done.stdout.splitlines()
    return done.returncode, [line for line in lines if line.startswith(("engine:", "NOT MET"))]


def test_a_package_whose_own_tests_cover_it_passes(tmp_path: Path) -> None:
    assert run(tmp_path, BOTH_WAYS) == (0, ["engine: 100.0 % covered by tests/engine"])


def test_lines_that_only_a_story_runs_do_not_count(tmp_path: Path) -> None:
    status, lines = run(tmp_path, ONE_WAY, story=BOTH_WAYS)
    assert status == 1
    assert lines == [
        "engine: 66.7 % covered by tests/engine",
        "NOT MET: tests/engine must cover more than 90 % of engine",
    ]


@pytest.mark.parametrize(
    ("ci", "expected"),
    [("true", (1, ["NOT MET: tests skipped in CI, where none may be: 1"])), ("", (0, []))],
)
def test_a_skipped_test_fails_the_run_in_ci_and_only_there(
    tmp_path: Path, ci: str, expected: tuple[int, list[str]]
) -> None:
    status, lines = run(tmp_path, BOTH_WAYS, story=SKIPS, ci=ci)
    assert (status, lines[1:]) == expected
