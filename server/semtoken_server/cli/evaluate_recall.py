"""`semtoken eval recall`: a second question about the same document, one turn later."""

from __future__ import annotations

from semtoken.evaluation.datasets import load_examples
from semtoken.evaluation.recall import RecallSettings, run_recall
from semtoken.evaluation.report import recall_report

from semtoken_server.cli.evaluate_arguments import (
    Data,
    EncoderName,
    Half,
    HtmlOut,
    JsonOut,
    Limit,
    ModelFolder,
    MoreData,
    OnDevice,
    Ratios,
    Runtime,
    Seed,
)
from semtoken_server.cli.evaluate_models import Models
from semtoken_server.cli.evaluate_options import ratios, sources
from semtoken_server.cli.evaluate_output import deliver, progress_bar


def recall(
    more: MoreData = None,
    data: Data = None,
    ratio: Ratios = "2.4",
    model: ModelFolder = None,
    encoder: EncoderName = None,
    device: OnDevice = "auto",
    runtime: Runtime = "auto",
    limit: Limit = None,
    seed: Seed = 0,
    split: Half = "all",
    json_out: JsonOut = None,
    html_out: HtmlOut = None,
) -> None:
    """Ask about a document again one turn later: answers kept in the chat, beside asking that first."""
    settings = RecallSettings(ratios(ratio), limit, seed, split)
    datasets = [load_examples(source) for source in sources(data, more)]
    models = Models(model, encoder, device, runtime=runtime)
    compressor = models.compressor
    with progress_bar() as progress:
        run = run_recall(datasets, compressor, settings, progress)
    deliver(recall_report(run, settings, model=models.folder.name, tokenizer=compressor.tokenizer), json_out, html_out)
