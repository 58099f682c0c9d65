"""What the commands tell a person, on standard error: progress on a terminal only, and complaints."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from huggingface_hub.utils.tqdm import disable_progress_bars
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from semtoken_server.settings import Settings

logger = logging.getLogger(__name__)


@contextmanager
def spinner(message: str) -> Iterator[Callable[[str], None]]:
    """A line with the time elapsed while something takes long; yields a function that changes its text."""
    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(message)
        yield lambda text: progress.update(task, description=text)


def silence_libraries() -> None:
    """Switch off the progress bars that model loading draws into pipes as well."""
    disable_progress_bars()
    # transformers looks there when it is imported.
    if (imported := sys.modules.get("transformers.utils.logging")) is not None:
        imported.disable_progress_bar()


def complain(message: str, status: int, *, one_line: bool = True) -> int:
    """Say what is wrong, by default in one line, and return ``status`` for the exit."""
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    note(f"semtoken: {' '.join(lines) if one_line else message.rstrip()}")
    return status


def warn(message: str, settings: Settings) -> None:
    """Something that the operator should know: a line of the log where that is JSON, else of ours."""
    if settings.log_format == "json":
        logger.warning("%s", message)
    else:
        note(f"semtoken: {message}")


def note(line: str) -> None:
    """One line on standard error, whatever it is connected to."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
