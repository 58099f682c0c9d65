"""The `semtoken` command and its exit status.

Bad input ends with one line on standard error and status 2, a fault of ours or of the machine
with 1, Ctrl-C with 130.
"""

from __future__ import annotations

import os
import sys

import typer
from semtoken.errors import EncoderError, EngineError, SemTokenError

from semtoken_server.cli.commands import command_line
from semtoken_server.cli.terminal import complain, silence_libraries
from semtoken_server.settings import InvalidSettingsError
from semtoken_server.supervisor import EngineNotInstalledError, EnginePortTakenError, EngineStartError

BAD_INPUT = 2
FAULT = 1
INTERRUPTED = 130

app = command_line("Semantic compression of long prompts before they reach vLLM.")


def main() -> None:
    """Run the command line and exit with its status."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run the command line; returns the exit status."""
    silence_libraries()
    try:
        status = app(arguments, prog_name="semtoken", standalone_mode=False)
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has had enough; Python would complain once more when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAULT
    except (typer.TyperException, InvalidSettingsError, SemTokenError, EngineStartError, OSError) as error:
        return _explain(error)
    return status if isinstance(status, int) else 0


def _explain(error: Exception) -> int:
    if isinstance(error, typer.TyperException):
        return complain(error.format_message(), BAD_INPUT)
    if isinstance(error, EngineStartError) and error.log_tail:
        return complain(f"{error}; its last lines:\n{error.log_tail}", FAULT, one_line=False)
    faults: tuple[type[Exception], ...] = (EncoderError, EngineError, EngineStartError, OSError)
    causes = (EngineNotInstalledError, EnginePortTakenError)
    return complain(str(error), FAULT if isinstance(error, faults) and not isinstance(error, causes) else BAD_INPUT)
