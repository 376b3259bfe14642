"""What ``scripts/test`` asks for beyond passing tests. Loaded with ``-p tests.gates``, beside pytest-cov.

- Each of the packages below is covered, lines and branches together, to more than ninety in a hundred *by its own
  tests*: what a story happens to run through does not count. Coverage contexts tell whose test ran a line; the empty
  context is the import.
- In CI nothing is skipped: a missing browser or data folder must not look like success.

Both are judged after the last test; a gate that is not met makes the exit status 1 and says so above the closing line.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from io import StringIO

import pytest
from coverage import Coverage
from coverage.exceptions import NoDataError

PACKAGES = ("engine", "item_bank", "proctoring")
ENOUGH_PERCENT = 90.0

UNMET = pytest.StashKey[list[str]]()


@pytest.hookimpl(wrapper=True)
def pytest_cmdline_main(config: pytest.Config) -> Generator[None, int | None, int | None]:
    status = yield
    return 1 if not status and config.stash.get(UNMET, []) else status


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, exitstatus: int, config: pytest.Config) -> None:
    if exitstatus not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        return  # interrupted: there is nothing to judge, and the status says so already
    terminalreporter.section("gates")
    covered = {}
    for package in PACKAGES:
        covered[package], missing = covered_by_own_tests(package)
        terminalreporter.write_line(f"{package}: {covered[package]:.1f} % covered by tests/{package}")
        if covered[package] <= ENOUGH_PERCENT:
            terminalreporter.write_line(missing)
    skipped = len(terminalreporter.stats.get("skipped", [])) if os.environ.get("CI") == "true" else 0
    config.stash[UNMET] = unmet(covered, skipped)
    for sentence in config.stash[UNMET]:
        terminalreporter.write_line(f"NOT MET: {sentence}", red=True)


def unmet(covered: dict[str, float], skipped: int) -> list[str]:
    """A sentence for each gate that is not met."""
    low = [name for name, percent in covered.items() if percent <= ENOUGH_PERCENT]
    sentences = [f"tests/{name} must cover more than {ENOUGH_PERCENT:.0f} % of {name}" for name in low]
    return [*sentences, f"tests skipped in CI, where none may be: {skipped}"] if skipped else sentences


def covered_by_own_tests(package: str) -> tuple[float, str]:
    """Per cent of the package's lines and branches that tests/<package> ran, and a table of the others."""
    coverage, table = Coverage(), StringIO()
    coverage.load()
    try:
        percent = coverage.report(
            include=[f"{package}/*"],
            contexts=[rf"^tests/{package}/", "^$"],
            show_missing=True,
            skip_covered=True,
            file=table,
        )
    except NoDataError:
        return 0.0, f"nothing of {package} ran"
    return percent, table.getvalue()
