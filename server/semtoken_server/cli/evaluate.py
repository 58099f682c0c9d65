"""`semtoken eval`: quality of every method at the same budget, on questions or on running text."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Annotated

import typer
from semtoken.evaluation.ablation import ablations
from semtoken.evaluation.datasets import Corpus, DataSet, load_corpus, load_examples
from semtoken.evaluation.identity import run_identity
from semtoken.evaluation.journal import UNRECORDED, Journal, Record
from semtoken.evaluation.lm import LmSettings, run_lm
from semtoken.evaluation.methods import DEFAULT_METHODS, Method, Resources
from semtoken.evaluation.pooled import MIN_EXAMPLES
from semtoken.evaluation.qa import QaSettings, run_qa
from semtoken.evaluation.report import lm_report, qa_report
from semtoken.evaluation.scorers.base import MAX_NEW_TOKENS

from semtoken_server.cli.evaluate_arguments import (
    Ablate,
    ApiKey,
    Data,
    EncoderName,
    Half,
    HtmlOut,
    JsonOut,
    Limit,
    MethodNames,
    ModelFolder,
    MoreData,
    NewTokens,
    NoQuery,
    OnDevice,
    PoolFrom,
    PromptWindow,
    Ratios,
    Resume,
    Runtime,
    Seed,
    ServedModel,
    TokenizerFolder,
    Url,
)
from semtoken_server.cli.evaluate_invariants import invariants
from semtoken_server.cli.evaluate_models import Engine, Models, exclusive
from semtoken_server.cli.evaluate_options import names, ratios, sources, stages, unique
from semtoken_server.cli.evaluate_output import deliver, progress_bar
from semtoken_server.cli.evaluate_recall import recall

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Measure what compression saves and what it costs, method by method.",
)

_DEFAULT_METHODS = ",".join(DEFAULT_METHODS)

app.command()(recall)
app.command()(invariants)


@app.command()
def qa(
    more: MoreData = None,
    data: Data = None,
    methods: MethodNames = _DEFAULT_METHODS,
    ablate: Ablate = "",
    ratio: Ratios = "2.4",
    model: ModelFolder = None,
    url: Url = None,
    tokenizer: TokenizerFolder = None,
    served_model: ServedModel = None,
    api_key: ApiKey = None,
    encoder: EncoderName = None,
    device: OnDevice = "auto",
    runtime: Runtime = "auto",
    limit: Limit = None,
    seed: Seed = 0,
    split: Half = "all",
    no_query: NoQuery = False,
    window: PromptWindow = None,
    max_new_tokens: NewTokens = MAX_NEW_TOKENS,
    pool_from: PoolFrom = MIN_EXAMPLES,
    resume: Resume = None,
    json_out: JsonOut = None,
    html_out: HtmlOut = None,
) -> None:
    """Answer questions about compressed contexts: F1, exact match, answers kept, answer NLL."""
    exclusive(model=model, url=url)
    settings = QaSettings(ratios(ratio), seed=seed, use_query=not no_query, window=window)
    asked, off = names(methods), stages(ablate)
    datasets = [load_examples(source, limit=limit, seed=seed, split=split) for source in sources(data, more)]
    models = Models(model or tokenizer, encoder, device, max_new_tokens, runtime=runtime)
    scorer = models.scorer(Engine(url, served_model, api_key) if url else None)
    built = _methods(models, asked, off)
    served_by = {"model": [scorer.name, url or str(models.folder)], "max_new_tokens": max_new_tokens}
    with progress_bar() as progress, _record(resume, models, datasets, built, settings, **served_by) as record:
        run = run_qa(datasets, built, scorer, settings, progress, record)
    report = qa_report(run, settings, model=scorer.name, tokenizer=scorer.tokenizer, split=split, pool_from=pool_from)
    deliver(report, json_out, html_out)


@app.command()
def lm(
    more: MoreData = None,
    data: Data = None,
    methods: MethodNames = _DEFAULT_METHODS,
    ablate: Ablate = "",
    ratio: Ratios = "2.4",
    context: Annotated[int, typer.Option("--context", min=16, help="Tokens before the target.")] = 4096,
    target: Annotated[int, typer.Option("--target", min=1, help="Tokens whose NLL is measured.")] = 256,
    model: ModelFolder = None,
    encoder: EncoderName = None,
    device: OnDevice = "auto",
    runtime: Runtime = "auto",
    limit: Limit = None,
    seed: Seed = 0,
    resume: Resume = None,
    json_out: JsonOut = None,
    html_out: HtmlOut = None,
) -> None:
    """Predict the tokens after compressed contexts: perplexity and NLL against the whole context."""
    settings = LmSettings(context, target, ratios(ratio), limit, seed)
    asked, off = names(methods), stages(ablate)
    corpora = [load_corpus(source) for source in sources(data, more)]
    models = Models(model, encoder, device, runtime=runtime)
    built = _methods(models, asked, off)
    served_by = {"model": [models.local.name, str(models.folder)]}
    with progress_bar() as progress, _record(resume, models, corpora, built, settings, **served_by) as record:
        run = run_lm(corpora, built, models.local, settings, progress, record)
    report = lm_report(run, settings, model=models.local.name, tokenizer=models.local.tokenizer)
    deliver(report, json_out, html_out)


def _methods(models: Models, asked: list[str], off: list[str]) -> list[Method]:
    """The methods asked for, and SemToken whole and without each stage that is ``off``."""
    if not off:
        return models.methods(asked)
    whole = models.methods(unique([*asked, "semtoken"]))
    return [*whole, *ablations(off, Resources(models.served, compressor=models.compressor))]


def _record(
    path: Path | None,
    models: Models,
    data: Sequence[DataSet] | Sequence[Corpus],
    methods: Sequence[Method],
    settings: QaSettings | LmSettings,
    **served_by: object,
) -> AbstractContextManager[Record]:
    """Where outcomes are kept: the file of --resume, or nowhere."""
    if path is None:
        return nullcontext(UNRECORDED)
    encoded = any(method.needs_encoder or method.needs_compressor for method in methods)
    encoder = models.encoder.fingerprint if encoded else None
    other = {"encoder": encoder, "device": models.device, **served_by}
    return Journal(path, run_identity(data, methods, settings, models.served, **other))
