"""`semtoken compress`: one text, compressed, with what became of each of its spans."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

import orjson
import typer
from semtoken import CompressionOptions, CompressionResult, Compressor, InvalidInputError, InvalidOptionError
from semtoken.bundled import prepare_encoder, prepare_llm
from semtoken.report import render_html

from semtoken_server.cli.terminal import note, spinner

Source = Annotated[str, typer.Argument(metavar="[FILE|-]", help="UTF-8 text; - for standard input.")]
Query = Annotated[str | None, typer.Option(help="The question that the text is to answer.")]
Ratio = Annotated[float, typer.Option(help="Original over compressed tokens, 1.0 to 20.0.")]
TargetTokens = Annotated[int | None, typer.Option(help="Most tokens to keep; wins over --ratio.")]
Realise = Annotated[Literal["text", "tokens"], typer.Option(help="Print text, or token ids.")]
Tokenizer = Annotated[Path | None, typer.Option(help="Folder of the served model; by default the bundled one.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print everything as JSON.")]
Html = Annotated[Path | None, typer.Option(help="Write a page that shows what was kept and dropped.")]


def compress(
    source: Source = "-",
    query: Query = None,
    ratio: Ratio = 2.4,
    target_tokens: TargetTokens = None,
    realise: Realise = "text",
    tokenizer: Tokenizer = None,
    as_json: AsJson = False,
    html: Html = None,
) -> None:
    """Compress a text: the result on standard output, one line about it on standard error."""
    if as_json and html is not None:
        raise InvalidOptionError("--json and --html exclude one another", param="html")
    options = CompressionOptions.parse(
        {"ratio": ratio, "target_tokens": target_tokens, "realise": realise, "query": query}
    )
    text = _read(source)
    with spinner("loading the encoder") as tell:
        compressor = Compressor.from_pretrained(prepare_encoder(progress=tell), tokenizer or prepare_llm(progress=tell))
        tell("compressing")
        result = compressor.compress(text, options=options)
    if html is not None:
        html.write_text(render_html(result, query), encoding="utf-8")
    else:
        _write(_output(result, options, as_json=as_json))
    note(_summary(result))


def _read(source: str) -> str:
    try:
        raw = sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes()
    except OSError as error:
        raise InvalidInputError(f"cannot read {source!r}: {error.strerror}") from error
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise InvalidInputError(
            f"{source!r} is not UTF-8 text: byte 0x{raw[error.start]:02x} at offset {error.start}"
        ) from error


def _output(result: CompressionResult, options: CompressionOptions, *, as_json: bool) -> bytes:
    if as_json:
        return orjson.dumps(result.to_dict(), option=orjson.OPT_APPEND_NEWLINE)
    if options.realise == "tokens":
        return " ".join(map(str, result.token_ids)).encode() + b"\n"
    return result.text.encode()


def _write(output: bytes) -> None:
    sys.stdout.buffer.write(output)
    if sys.stdout.isatty() and not output.endswith(b"\n"):
        # The text is exactly the text, but a prompt right behind it is hard to read.
        sys.stdout.buffer.write(b"\n")
    sys.stdout.flush()


def _summary(result: CompressionResult) -> str:
    return (
        f"{result.original_tokens} -> {result.compressed_tokens} tokens ({result.ratio:.2f}x), "
        f"{result.status} ({result.reason}), {result.timings_ms.get('total', 0.0):.0f} ms"
    )
