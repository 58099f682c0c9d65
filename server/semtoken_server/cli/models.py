"""`semtoken models`: the bundled models."""

from __future__ import annotations

from typing import Annotated

import typer
from semtoken.bundled import prepare_models, prepare_static

from semtoken_server.cli.terminal import spinner

app = typer.Typer(no_args_is_help=True, add_completion=False, help="The bundled small models.")


@app.callback()
def models() -> None:
    """Keep `prepare` a sub-command although it is the only one."""


@app.command()
def prepare(
    force: Annotated[bool, typer.Option("--force", help="Make them anew even if they are there.")] = False,
    static: Annotated[bool, typer.Option("--static", help="Distil a static encoder too (extra `static`).")] = False,
) -> None:
    """Put the bundled small LLM and encoder where the defaults look for them."""
    with spinner("looking for the bundled models") as tell:
        ready = prepare_models(force=force, progress=tell)
        if static:
            prepare_static(force=force, progress=tell)
    typer.echo(f"model    {ready.llm}")
    typer.echo(f"encoder  {ready.encoder}")
    if static:
        typer.echo(f"static   {ready.static}")
