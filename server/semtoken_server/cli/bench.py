"""`semtoken bench`: what compression costs, and what it saves on a live engine."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from semtoken.benchmark import Bench, Shape, measure_floor, run_bench, running_text
from semtoken.encoders.transformer import TransformerEncoder
from semtoken.errors import InvalidOptionError
from semtoken.evaluation.scorers.local import Device

from semtoken_server.benchmark.calibrate import LENGTHS, calibrate
from semtoken_server.benchmark.clients import Crowd, run_crowd
from semtoken_server.benchmark.engine_counters import EngineCounters
from semtoken_server.benchmark.lag import Lag, run_lag
from semtoken_server.benchmark.paired import Paired, run_paired
from semtoken_server.benchmark.prefixes import Chats, Questions, run_chats, run_questions
from semtoken_server.benchmark.target import Target
from semtoken_server.cli.bench_arguments import (
    Data,
    EngineUrl,
    JsonOut,
    Measured,
    Runs,
    Seed,
    Url,
    measured,
    numbers,
    save,
    show,
)
from semtoken_server.cli.evaluate_arguments import EncoderName, ModelFolder, Runtime
from semtoken_server.cli.evaluate_models import Models
from semtoken_server.cli.evaluate_options import names
from semtoken_server.cli.evaluate_output import progress_bar
from semtoken_server.settings_file import set_minimum

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Measure speed: of the compressor, and of a gateway with its engine.",
)

Tokens = Annotated[str, typer.Option("--tokens", help="Comma-separated lengths of text.")]
Batch = Annotated[str, typer.Option("--batch", help="Comma-separated numbers of texts compressed together.")]
Peers = Annotated[str, typer.Option("--methods", help="semtoken and, beside it, methods of `semtoken eval`.")]
OnDevice = Annotated[Device, typer.Option("--device", help="Where the encoder runs.")]
PromptTokens = Annotated[int, typer.Option(min=128, help="Tokens of each prompt, as the engine counts them.")]
OutputTokens = Annotated[int, typer.Option(min=1, help="Tokens of each answer.")]
Ratio = Annotated[float | None, typer.Option(min=1.0, max=20.0, help="By default the gateway's own.")]
Pause = Annotated[float, typer.Option(min=0.0, help="Seconds of rest before each request; 0 for back to back.")]
WriteTo = Annotated[Path | None, typer.Option("--write", help="Settings file to write the minimum into.")]
Margin = Annotated[float, typer.Option(min=0.0, max=1.0, help="Share of the time to first token that must be saved.")]


@app.command()
def compressor(
    data: Data = None,
    tokens: Tokens = "4096",
    batch: Batch = "1",
    methods: Peers = "semtoken",
    ratio: Annotated[float, typer.Option(min=1.0, max=20.0)] = 2.4,
    model: ModelFolder = None,
    encoder: EncoderName = None,
    device: OnDevice = "auto",
    runtime: Runtime = "auto",
    runs: Runs = 5,
    seed: Seed = 0,
    json_out: JsonOut = None,
) -> None:
    """Tokens per second, the encoder's share and the peak of memory, by length and batch."""
    models = Models(model, encoder, device, max_new_tokens=0, runtime=runtime)
    peers = [name for name in names(methods) if name not in ("semtoken", "none")]
    built = {method.name: method for method in models.methods(peers) if method.name != "none"}
    on = models.encoder_device
    bench = Bench(numbers(tokens, "tokens"), numbers(batch, "batch"), ratio, runs, seed, on)
    with progress_bar() as progress:
        rows = run_bench(bench, running_text(data or ()), models.served, models.compressor, built, progress)
    shown = [asdict(row) for row in rows]
    show(f"compressing to 1/{ratio:g} on {on}, median of {runs}", shown)
    save({"device": on, "ratio": ratio, "runs": runs, "rows": shown}, json_out)


@app.command()
def floor(
    model: ModelFolder = None,
    encoder: EncoderName = None,
    runtime: Runtime = "auto",
    runs: Runs = 5,
    json_out: JsonOut = None,
) -> None:
    """The least time that the encoder's arithmetic takes on this machine's CPU, and what it takes."""
    models = Models(model, encoder, "cpu", max_new_tokens=0, runtime=runtime)
    if not isinstance(models.encoder, TransformerEncoder):
        raise InvalidOptionError("an encoder that computes nothing has no floor", param="encoder")
    found = measure_floor(Shape.from_pretrained(models.encoder_folder), models.encoder.runtime, runs)
    show(f"1,000 token places on {found.threads} threads", [asdict(row) for row in found.rows])
    typer.echo(f"the encoder takes {found.runtime_ms_per_1k:g} ms; copying does {found.copy_gb_per_s:g} GB/s")
    save(asdict(found), json_out)


@app.command()
def gateway(
    url: Url = None,
    data: Data = None,
    prompt_tokens: PromptTokens = 4096,
    output_tokens: OutputTokens = 64,
    ratio: Ratio = None,
    runs: Runs = 5,
    pause: Pause = 2.0,
    seed: Seed = 0,
    json_out: JsonOut = None,
) -> None:
    """The same request with compression off and on: time to first token, in all, tokens forwarded."""
    asked = Paired(prompt_tokens, output_tokens, runs, ratio, seed=seed, pause_s=pause)
    with measured(url, None, data, "--no-enable-prefix-caching") as (target, _), progress_bar() as progress:
        result = run_paired(target, asked, progress).to_dict()
    _show_sides(result)
    save(result, json_out)


@app.command("calibrate")
def calibrate_command(
    url: Url = None,
    data: Data = None,
    lengths: Annotated[str, typer.Option(help="Comma-separated prompt lengths.")] = ",".join(map(str, LENGTHS)),
    margin: Margin = 0.1,
    runs: Runs = 5,
    pause: Pause = 2.0,
    seed: Seed = 0,
    write_to: WriteTo = None,
    json_out: JsonOut = None,
) -> None:
    """From which message length on compression pays on this device with this engine."""
    sizes = numbers(lengths, "lengths")
    with measured(url, None, data, "--no-enable-prefix-caching") as (target, _), progress_bar() as progress:
        found = calibrate(target, lengths=sizes, runs=runs, margin=margin, seed=seed, pause_s=pause, progress=progress)
    result = found.to_dict()
    show("time to first token by prompt length", result["points"])
    save(result, json_out)
    if found.min_tokens is None:
        typer.echo(f"compression saves {margin:.0%} at none of these lengths; compression.mode: off saves its time")
        return
    typer.echo(f"compression.min_tokens: {found.min_tokens}")
    if write_to is not None:
        set_minimum(write_to, found.min_tokens)


@app.command()
def clients(
    url: Url = None,
    data: Data = None,
    number: Annotated[int, typer.Option("--clients", min=1, help="At once.")] = 64,
    requests: Annotated[int, typer.Option(min=1, help="In all.")] = 64,
    shortest: PromptTokens = 1024,
    longest: PromptTokens = 4096,
    output_tokens: OutputTokens = 32,
    seed: Seed = 0,
    json_out: JsonOut = None,
) -> None:
    """Requests per second of many clients at once, compression on and off."""
    crowd = Crowd(number, requests, shortest, longest, output_tokens, seed)
    with measured(url, None, data, "--no-enable-prefix-caching") as (target, _), progress_bar() as progress:
        result = run_crowd(target, crowd, progress)
    show(f"{number} clients", [{"compression": side, **result[side]} for side in ("off", "on")])
    typer.echo(f"requests per second, on over off: {result['speedup']['requests_per_s']:g}")
    save(result, json_out)


@app.command()
def prefixes(
    url: Url = None,
    engine_url: EngineUrl = None,
    data: Data = None,
    turns: Annotated[int, typer.Option(min=1, help="Of the growing chat.")] = 20,
    questions: Annotated[int, typer.Option(min=1, help="On one document.")] = 20,
    document_tokens: PromptTokens = 3000,
    block_size: Annotated[int, typer.Option(min=16, help="Tokens of a block of an engine started here.")] = 32,
    seed: Seed = 0,
    json_out: JsonOut = None,
) -> None:
    """The engine's prefix-cache hit rate in a growing chat and for many questions on one document."""
    blocks = ("--block-size", str(block_size))
    with measured(url, engine_url, data, *blocks) as found, progress_bar() as progress:
        target, counters = _with_counters(found)
        chats = run_chats(target, counters, Chats(turns=turns, seed=seed), progress)
        asked = run_questions(target, counters, Questions(questions, document_tokens, seed), progress)
    show(f"a chat of {turns} turns", [{"compression": side, **chats[side]} for side in ("off", "on")])
    ways = ("off", "turn", "document")
    show(f"{questions} questions on one document", [{"stability": way, **asked[way]} for way in ways])
    save({"block_size": None if url else block_size, "chats": chats, "questions": asked}, json_out)


@app.command()
def lag(
    url: Url = None,
    data: Data = None,
    tokens: Annotated[int, typer.Option(min=1024, help="Of each text that is compressed meanwhile.")] = 131_072,
    requests: Annotated[int, typer.Option(min=1)] = 2,
    json_out: JsonOut = None,
) -> None:
    """How long others wait for the gateway's event loop while very long texts are compressed."""
    with measured(url, None, data) as (target, _):
        result = run_lag(target, Lag(tokens, requests))
    show("latency of /health/live", [{"gateway": name, **result[name]} for name in ("idle", "compressing")])
    save(result, json_out)


def _with_counters(found: Measured) -> tuple[Target, EngineCounters]:
    if found.counters is None:
        raise InvalidOptionError(
            "--engine-url is needed with --url: hit rates are the engine's own", param="engine-url"
        )
    return found.target, found.counters


def _show_sides(result: dict[str, Any]) -> None:
    off, on, times = result["off"], result["on"], result["speedup"]
    rows = [
        {"compression": "off", **off, "compress_ms": None},
        {"compression": "on", **on},
        {
            "compression": "times better",
            "ttft_s": times["ttft"],
            "total_s": times["total"],
            "forwarded_tokens": times["tokens"],
            "compress_ms": None,
        },
    ]
    show(f"{result['prompt_tokens']} + {result['output_tokens']} tokens, median of {result['runs']} pairs", rows)
