"""``python -m loadtest.guidellm --url GATEWAY --command PATH/guidellm``: guidellm with compression off, then on."""

from __future__ import annotations

import os
import secrets
import subprocess
from pathlib import Path
from typing import Annotated

import httpx
import orjson
import typer
from semtoken.errors import InvalidInputError

from loadtest.comparison.plan import MODES
from loadtest.guidellm.config import Profile, rows
from loadtest.prompts.sequence import MAX_CHARS, SCENARIOS, sequence
from loadtest.sending.stream import KEY, client, first_model


def main(
    url: Annotated[str, typer.Option(help="A gateway that runs.")],
    command: Annotated[str, typer.Option(help="guidellm, as installed in an environment of its own.")] = "guidellm",
    tokenizer: Annotated[Path | None, typer.Option(help="Folder of the model's tokenizer.")] = None,
    scenario: Annotated[str, typer.Option(help="Parted by commas.")] = ",".join(SCENARIOS),
    rates: Annotated[str, typer.Option(help="Requests a second, parted by commas.")] = "0.5,1,2",
    seconds: Annotated[int, typer.Option(min=1, help="For each rate.")] = 60,
    data: Annotated[Path | None, typer.Option(help="Folder of evaluation data.", envvar="SEMTOKEN_EVAL_DATA")] = None,
    max_prompt_chars: Annotated[int, typer.Option(min=1, help="Longest prompt in characters.")] = MAX_CHARS,
    seed: Annotated[int, typer.Option(help="Of prompts and arrivals.")] = 0,
    out: Annotated[Path, typer.Option(help="Folder for prompts, configurations and reports.")] = Path("build/guidellm"),
) -> None:
    """Run it twice for each rate; exits with guidellm's status where that is not 0."""
    out.mkdir(parents=True, exist_ok=True)
    try:
        prompts = sequence(scenario.split(","), data, seed=seed, max_chars=max_prompt_chars)
        with client(url) as connected:
            model = first_model(connected)
        profile = Profile(url, model, tokenizer, seconds, seed, os.environ.get(KEY))
        cases = [(rate, mode) for rate in map(float, rates.split(",")) for mode in MODES]
    except (InvalidInputError, ValueError, httpx.HTTPError) as error:
        typer.echo(f"loadtest.guidellm: {error}", err=True)
        raise SystemExit(2) from error
    # An engine that runs has the prompts of an earlier invocation in its cache.
    invocation = secrets.token_hex(4)
    for rate, mode in cases:
        name = f"{mode}-{rate:g}"
        lines, config = out / f"{name}.jsonl", out / f"{name}.config.json"
        lines.write_bytes(rows(prompts, f"{invocation} {name}"))
        # It may hold a key.
        config.touch(mode=0o600)
        config.chmod(0o600)
        config.write_bytes(orjson.dumps(profile.config(mode, rate, lines, out / name), option=orjson.OPT_INDENT_2))
        status = subprocess.run([command, "run", "--config", str(config)], check=False).returncode
        if status != 0:
            raise SystemExit(status)


if __name__ == "__main__":
    typer.run(main)
