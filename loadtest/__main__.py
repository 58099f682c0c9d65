"""``python -m loadtest``: a gateway under load, compression on against off, as ``report.json`` and ``report.html``."""

from __future__ import annotations

import signal
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Annotated, NoReturn, TypeVar

import httpx
import typer
from rich.console import Console
from semtoken.errors import InvalidInputError, SemTokenError

from loadtest.comparison import report
from loadtest.comparison.plan import Plan, Slo
from loadtest.comparison.runs import LoadFailedError, run_all
from loadtest.comparison.servers import Served, embedded, simulated
from loadtest.passthrough.processes import ServerFailedError
from loadtest.prompts.files import write
from loadtest.prompts.sequence import MAX_CHARS, SCENARIOS, sequence
from loadtest.sending.stream import client, first_model
from loadtest.simulated.cost import Cost

Number = TypeVar("Number", int, float)


def main(
    url: Annotated[str | None, typer.Option(help="A gateway that runs.")] = None,
    metrics_url: Annotated[list[str] | None, typer.Option(help="An engine behind it; may be repeated.")] = None,
    fake_engine: Annotated[bool, typer.Option("--fake-engine", help="Start one, before a simulated engine.")] = False,
    own_engine: Annotated[bool, typer.Option("--embedded", help="Start one, with a vLLM of its own.")] = False,
    fake_cost: Annotated[
        str, typer.Option(help="Of the simulated engine: prefill and decode in tokens/s, requests at once.")
    ] = "2000,40,8",
    scenario: Annotated[str, typer.Option(help="Parted by commas.")] = ",".join(SCENARIOS),
    rates: Annotated[str, typer.Option(help="Open loop: requests a second, parted by commas.")] = "0.5,1,2",
    users: Annotated[str, typer.Option(help="Closed loop: users, parted by commas.")] = "",
    seconds: Annotated[int, typer.Option(min=1, help="Of each run; what is under way then is waited for.")] = 60,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds over everything.")] = 1,
    data: Annotated[Path | None, typer.Option(help="Folder of evaluation data.", envvar="SEMTOKEN_EVAL_DATA")] = None,
    max_prompt_chars: Annotated[int, typer.Option(min=1, help="Longest prompt in characters.")] = MAX_CHARS,
    seed: Annotated[int, typer.Option(help="Of prompts and arrivals.")] = 0,
    slo_ttft: Annotated[float, typer.Option(help="Seconds to the first token that are good enough.")] = 2.0,
    slo_inter_token: Annotated[float, typer.Option(help="Seconds from token to token, on average.")] = 0.1,
    out: Annotated[Path, typer.Option(help="Folder for the report, the records and the logs.")] = Path(
        "build/loadtest"
    ),
) -> None:
    """Load it."""
    plan = Plan(
        scenarios=tuple(scenario.split(",")),
        rates=_numbers(rates, float),
        users=_numbers(users, int),
        seconds=seconds,
        rounds=rounds,
        seed=seed,
        max_prompt_chars=max_prompt_chars,
        slo=Slo(slo_ttft, slo_inter_token),
    )
    cost = _cost(fake_cost)
    out.mkdir(parents=True, exist_ok=True)
    try:
        write(sequence(plan.scenarios, data, seed=seed, max_chars=max_prompt_chars), out / "prompts.jsonl")
        with _served(out, url, metrics_url or [], cost if fake_engine else None, own=own_engine) as served:
            told = _measure(plan, served, out, "bundled" if data is None else "given")
    except (SemTokenError, LoadFailedError, ServerFailedError, httpx.HTTPError) as error:
        typer.echo(f"loadtest: {error}", err=True)
        raise SystemExit(2 if isinstance(error, InvalidInputError) else 1) from error
    report.write(told, out)
    typer.echo(out / "report.html")


def _measure(plan: Plan, served: Served, out: Path, data: str) -> dict[str, object]:
    context = report.before()
    with Console(stderr=True).status("") as status, client(served.url) as connected:
        model = first_model(connected)
        runs = list(run_all(plan, served, out / "prompts.jsonl", out, status.update))
    return report.report(context, plan, served, runs, data=data, model=model)


def _served(
    out: Path, url: str | None, metrics: list[str], cost: Cost | None, *, own: bool
) -> AbstractContextManager[Served]:
    if (url is not None) + (cost is not None) + own != 1:
        raise typer.BadParameter("exactly one of --url, --fake-engine and --embedded is wanted")
    if url is not None:
        return nullcontext(Served(url, "given", tuple(metrics)))
    return embedded(out) if cost is None else simulated(out, cost)


def _cost(listed: str) -> Cost:
    numbers = _numbers(listed, float)
    if len(numbers) != 3:
        raise typer.BadParameter(f"{listed!r}: three numbers are wanted")
    return Cost(numbers[0], numbers[1], max(1, round(numbers[2])))


def _numbers(listed: str, convert: Callable[[str], Number]) -> tuple[Number, ...]:
    try:
        numbers = tuple(convert(number) for number in listed.split(",") if number.strip())
    except ValueError as error:
        raise typer.BadParameter(f"{listed!r} is no list of numbers") from error
    if any(number <= 0 for number in numbers):
        raise typer.BadParameter(f"{listed!r}: all must be positive")
    return numbers


def _stop(_number: int, _frame: object) -> NoReturn:
    raise SystemExit(1)


if __name__ == "__main__":
    # An orderly end, since the servers that were started must end as well.
    signal.signal(signal.SIGTERM, _stop)
    app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
    app.command()(main)
    app()
