"""``python -m loadtest.capacity``: how many gateways, encoders and engines a load needs, compression off and on."""

from __future__ import annotations

from typing import Annotated

import typer

from loadtest.capacity.checks import table
from loadtest.capacity.measured import encoder_cost, engine_cost, gateway_cost
from loadtest.capacity.model import EncoderCost, EngineCost, Load, needed


def main(
    rate: Annotated[float, typer.Option(min=0.0, help="Requests in a second.")] = 1.0,
    prompt_tokens: Annotated[float, typer.Option(min=1, help="Of a request, as it comes.")] = 8000,
    output_tokens: Annotated[float, typer.Option(min=1, help="Of an answer.")] = 300,
    ratio: Annotated[float, typer.Option(min=1.0, max=20.0, help="Original over forwarded tokens.")] = 2.4,
    prefill_tokens_per_s: Annotated[float | None, typer.Option(min=1, help="Of one engine; as measured.")] = None,
    decode_tokens_per_s: Annotated[float | None, typer.Option(min=1, help="Of one engine, all streams.")] = None,
    encoder_tokens_per_s: Annotated[float | None, typer.Option(min=1, help="Of one encoder; two cores.")] = None,
    batch: Annotated[float, typer.Option(min=1, help="Sequences that an engine as measured decodes at once.")] = 32,
    utilisation: Annotated[float, typer.Option(min=0.05, max=0.95, help="Wanted of each.")] = 0.7,
    check: Annotated[bool, typer.Option("--check", help="Print the model against the load tests instead.")] = False,
) -> None:
    """Without figures of an engine it is the small model on vLLM for CPUs, as measured."""
    if check:
        print(table(), end="")
        return
    if (prefill_tokens_per_s is None) != (decode_tokens_per_s is None):
        raise typer.BadParameter("an engine has both --prefill-tokens-per-s and --decode-tokens-per-s")
    engine = engine_cost()
    if prefill_tokens_per_s is not None and decode_tokens_per_s is not None:
        engine, batch = EngineCost(1 / prefill_tokens_per_s, 0.0, 1 / decode_tokens_per_s, 0.0), 1.0
    encoder = EncoderCost(encoder_tokens_per_s) if encoder_tokens_per_s else encoder_cost(prompt_tokens)
    print("| | gateway workers | encoders | engines |\n|---|---|---|---|")
    for name, asked in (("compression off", 1.0), (f"ratio {ratio:g}", ratio)):
        load = Load(rate, prompt_tokens, output_tokens, asked)
        found = needed(load, gateway_cost(), encoder, engine, batch=batch, utilisation=utilisation)
        print(f"| {name} | {found.gateways} | {found.encoders} | {found.engines} |")


app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
app.command()(main)

if __name__ == "__main__":
    app()
