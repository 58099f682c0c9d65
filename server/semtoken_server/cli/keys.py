"""`semtoken keys`: API keys."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
import yaml
from pydantic import ValidationError

from semtoken_server.access.key_file import append_key
from semtoken_server.access.keys import ApiKey, digest_of, new_key
from semtoken_server.cli.terminal import note

app = typer.Typer(no_args_is_help=True, add_completion=False, help="API keys of the gateway.")


@app.callback()
def keys() -> None:
    """Keep `new` a sub-command although it is the only one."""


@app.command()
def new(
    name: Annotated[str, typer.Option(help="What the key is called in the file.")],
    file: Annotated[Path | None, typer.Option(help="File of keys to put the entry into; made if need be.")] = None,
) -> None:
    """Make a key: the key itself on standard output, this once, and its entry for the file of keys."""
    key = new_key()
    entry = {"name": name, "sha256": digest_of(key.encode())}
    try:
        ApiKey.model_validate(entry)
    except ValidationError as error:
        raise typer.BadParameter(f"{error.errors()[0]['msg']} (got {name!r:.80})", param_hint="--name") from None
    if file is None:
        note("# for the file of keys:\n" + yaml.safe_dump({"keys": [entry]}, sort_keys=False).rstrip())
    else:
        append_key(file, entry)
        note(f"{name} is in {file}; the key is shown this once:")
    typer.echo(key)
