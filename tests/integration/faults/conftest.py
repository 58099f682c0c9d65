"""The table of what became of requests, printed when the tests are done: that of docs/reliability.md."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest
from integration.faults.outcomes import Outcome

Record = Callable[[str, Counter[Outcome]], None]
Note = Callable[[str], None]
KINDS: tuple[Outcome, ...] = ("answered", "error", "error event", "broken")
_ROWS = pytest.StashKey[list[tuple[str, Counter[Outcome]]]]()
_NOTES = pytest.StashKey[list[str]]()


@pytest.fixture
def record(pytestconfig: pytest.Config) -> Record:
    """Takes what was seen of one fault into the table."""
    rows = pytestconfig.stash.setdefault(_ROWS, [])
    return lambda fault, seen: rows.append((fault, seen))


@pytest.fixture
def note(pytestconfig: pytest.Config) -> Note:
    """Takes a figure, told in words, below the table."""
    return pytestconfig.stash.setdefault(_NOTES, []).append


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """The table in Markdown."""
    rows, notes = config.stash.get(_ROWS, []), config.stash.get(_NOTES, [])
    if not rows and not notes:
        return
    terminalreporter.section("what became of requests")
    terminalreporter.line(f"| fault | requests | {' | '.join(KINDS)} |")
    terminalreporter.line("|---" + "|---:" * (len(KINDS) + 1) + "|")
    for fault, seen in rows:
        counts = " | ".join(str(seen[kind]) for kind in KINDS)
        terminalreporter.line(f"| {fault} | {seen.total()} | {counts} |")
    for figure in notes:
        terminalreporter.line(figure)
