"""``python -m loadtest.prompts --out FILE``: the prompts as JSON lines, in a process that Locust has not patched."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from semtoken.errors import InvalidInputError

from loadtest.prompts.files import write
from loadtest.prompts.sequence import MAX_CHARS, SCENARIOS, sequence


def main(
    out: Annotated[Path, typer.Option(help="File to write.")],
    scenario: Annotated[str, typer.Option(help="Scenarios, parted by commas.")] = ",".join(SCENARIOS),
    data: Annotated[Path | None, typer.Option(help="Folder of evaluation data.", envvar="SEMTOKEN_EVAL_DATA")] = None,
    seed: Annotated[int, typer.Option(help="Of the order.")] = 0,
    max_prompt_chars: Annotated[int, typer.Option(min=1, help="Longest prompt in characters.")] = MAX_CHARS,
) -> None:
    """Write them."""
    try:
        write(sequence(scenario.split(","), data, seed=seed, max_chars=max_prompt_chars), out)
    except InvalidInputError as error:
        raise typer.BadParameter(str(error)) from error


if __name__ == "__main__":
    typer.run(main)
