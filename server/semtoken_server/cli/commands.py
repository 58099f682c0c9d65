"""The commands by name, each imported when it is run: a gateway need not wait for what measures quality."""

from __future__ import annotations

from dataclasses import dataclass
from pkgutil import resolve_name
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_command


@dataclass(frozen=True, slots=True)
class Command:
    """Where a command is, and what the list of commands says of it: the first line of its own help."""

    target: str
    """``module:object``, a function or a ``typer.Typer``."""
    summary: str


COMMANDS = {
    "serve": Command(
        "semtoken_server.cli.serve:serve",
        "Serve the gateway; with no engine URL it starts and supervises a vLLM on loopback.",
    ),
    "compress": Command(
        "semtoken_server.cli.compress:compress",
        "Compress a text: the result on standard output, one line about it on standard error.",
    ),
    "demo": Command(
        "semtoken_server.cli.demo:demo",
        "Ask about a long document with compression off and on, through a real engine, and compare.",
    ),
    "models": Command("semtoken_server.cli.models:app", "The bundled small models."),
    "keys": Command("semtoken_server.cli.keys:app", "API keys of the gateway."),
    "eval": Command(
        "semtoken_server.cli.evaluate:app", "Measure what compression saves and what it costs, method by method."
    ),
    "bench": Command(
        "semtoken_server.cli.bench:app", "Measure speed: of the compressor, and of a gateway with its engine."
    ),
}


class _Commands(TyperGroup):
    """Lists the commands as they stand in ``COMMANDS``, and imports the one that is run."""

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """The command itself in the place of its entry in the list."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, command if name is None else loaded(name), rest


def loaded(name: str) -> Any:
    """The command called ``name``, as Typer runs it."""
    found = resolve_name(COMMANDS[name].target)
    if isinstance(found, typer.Typer):
        return get_command(found)
    alone = typer.Typer(add_completion=False)
    alone.command()(found)
    return get_command(alone)


def command_line(help_text: str) -> typer.Typer:
    """All commands under one name."""
    app = typer.Typer(
        cls=_Commands, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=help_text
    )
    for name, command in COMMANDS.items():
        app.command(name, help=command.summary)(_listed)
    return app


def _listed() -> None:
    """Stands in the list for a command that is not imported."""
