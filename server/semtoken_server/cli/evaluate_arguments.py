"""The arguments and options that the commands of `semtoken eval` share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer
from semtoken.evaluation.ablation import STAGES
from semtoken.evaluation.datasets import Split
from semtoken.evaluation.scorers.local import Device

Data = Annotated[
    list[str] | None,
    typer.Option(
        "--data",
        help="A data file, 'bundled' (the default), or one of the hub's: 'hub:longbench/hotpotqa', 'hub:wikitext-103'.",
    ),
]
MoreData = Annotated[list[str] | None, typer.Argument(metavar="[FILE]...", help="More data files.")]
MethodNames = Annotated[str, typer.Option("--methods", help="Comma-separated; 'none' always runs.")]
Ablate = Annotated[str, typer.Option("--ablate", help=f"Run semtoken also without each of: {','.join(STAGES)}.")]
Ratios = Annotated[str, typer.Option("--ratio", help="Comma-separated ratios of original to kept tokens.")]
ModelFolder = Annotated[Path | None, typer.Option("--model", help="Model folder; by default the bundled model.")]
EncoderName = Annotated[str | None, typer.Option("--encoder", help="SemToken's encoder, a folder, a name or 'static'.")]
Runtime = Annotated[
    Literal["auto", "torch", "openvino"], typer.Option("--runtime", help="What computes SemToken's encoder.")
]
OnDevice = Annotated[Device, typer.Option("--device", help="Where model and encoder run.")]
Limit = Annotated[int | None, typer.Option("--limit", min=1, help="Most examples or windows from each file.")]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Of the draw, the random methods and the intervals.")]
Resume = Annotated[
    Path | None, typer.Option("--resume", help="Keep outcomes in this file as they are made; go on from what is there.")
]
JsonOut = Annotated[Path | None, typer.Option("--json", help="Write the result as JSON.")]
HtmlOut = Annotated[Path | None, typer.Option("--html", help="Write a self-contained page with tables and plots.")]
Url = Annotated[str | None, typer.Option("--url", help="An OpenAI-compatible engine instead of --model.")]
TokenizerFolder = Annotated[
    Path | None, typer.Option("--tokenizer", help="With --url: the served model's folder; by default the bundled one.")
]
ServedModel = Annotated[str | None, typer.Option("--served-model", help="With --url: which of its models.")]
ApiKey = Annotated[str | None, typer.Option("--api-key", envvar="OPENAI_API_KEY", help="With --url: its key.")]
Half = Annotated[Split, typer.Option("--split", help="By the sha256 of an example's id: odd is tune, even report.")]
NoQuery = Annotated[bool, typer.Option("--no-query", help="Compress without looking at the question.")]
PromptWindow = Annotated[int | None, typer.Option("--window", min=64, help="Skip examples with longer prompts.")]
NewTokens = Annotated[int, typer.Option("--max-new-tokens", min=0, help="Longest answer; 0 gives no F1 and EM.")]
PoolFrom = Annotated[int, typer.Option("--pool-from", min=1, help="Fewest examples of a task in the mean over tasks.")]
