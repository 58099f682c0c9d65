"""What the embeddings realisation costs beside text, at equal length: run by hand.

    .venv/bin/python loadtest/measure_embeds.py --windows 8

Loss of the tokens that follow a context, in nats per token, with the context whole, as compressed text, and as
as many input embeddings with each merge. Every way gets the same windows of the bundled texts and the same budget.
"""

from __future__ import annotations

import itertools
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer
from semtoken.bundled import bundled_models
from semtoken.encoders.transformer import TransformerEncoder
from semtoken.evaluation.bundled import bundled_texts
from semtoken.options import CompressionOptions
from semtoken.pipeline import Document, Pipeline
from semtoken.realise import Embedder
from semtoken.realise.merging import MERGES, MergeName
from semtoken.tokenizer import ServedTokenizer
from transformers import AutoModelForCausalLM

TEXT, EMBEDS = CompressionOptions(realise="text"), CompressionOptions(realise="embeds")


class Loss:
    """A small model's loss of a continuation after a prompt given as vectors."""

    def __init__(self, folder: Path) -> None:
        self._model: Any = AutoModelForCausalLM.from_pretrained(folder, local_files_only=True, dtype=torch.float32)
        self._model.eval()  # type: ignore[no-untyped-call]
        self.embedder = Embedder(folder)

    @torch.inference_mode()
    def __call__(self, prompt: np.ndarray[Any, Any], target: list[int]) -> float:
        """Mean nats per token of ``target`` after ``prompt`` (v, d)."""
        vectors = torch.from_numpy(np.concatenate((prompt, self.embedder.embed(target[:-1]))))
        logits = self._model(inputs_embeds=vectors[None], logits_to_keep=len(target)).logits[0]
        return float(torch.nn.functional.cross_entropy(logits, torch.tensor(target)))


def windows(tokenizer: ServedTokenizer, context: int, target: int, count: int) -> Iterator[tuple[str, list[int]]]:
    """Pasts as text and what follows them as ids, drawn evenly from the bundled texts."""
    found = []
    for text in bundled_texts():
        tokens = tokenizer.tokenize(text)
        for start in range(0, len(tokens) - context - target + 1, context + target):
            middle = start + context
            past = text[int(tokens.starts[start]) : int(tokens.starts[middle])]
            found.append((past, tokens.ids[middle : middle + target].tolist()))
    for at in np.linspace(0, len(found) - 1, min(count, len(found))).round().astype(int):
        yield found[at]


def main(
    count: Annotated[int, typer.Option("--windows")] = 8,
    context: int = 1024,
    target: int = 256,
    ratio: float = 2.4,
    share: Annotated[str, typer.Option(help="Shares of the budget for merged vectors.")] = "0.1,0.3,0.9",
    shortest: Annotated[str, typer.Option(help="Fewest tokens that a vector stands for.")] = "8",
    merges: Annotated[str, typer.Option(help="Merges to try.")] = ",".join(MERGES),
) -> None:
    """Print one line per way."""
    torch.set_num_threads(1)
    chosen: list[MergeName] = [name for name in MERGES if name in merges.split(",")]
    folders = bundled_models()
    tokenizer = ServedTokenizer.from_pretrained(folders.llm)
    pipeline = Pipeline(TransformerEncoder.from_pretrained(folders.encoder, device="cpu"), tokenizer)
    loss = Loss(folders.llm)
    ways = {
        f"{merge} share {part} from {run} tokens": Embedder(
            folders.llm, merge=merge, share=float(part), shortest=int(run)
        )
        for part, run, merge in itertools.product(share.split(","), shortest.split(","), chosen)
    }
    ways = {"ids (share 0)": Embedder(folders.llm, share=0.0), **ways}
    measured: dict[str, list[tuple[float, int]]] = defaultdict(list)
    for past, following in windows(tokenizer, context, target, count):
        ids = tokenizer.ids(past)
        measured["whole"].append((loss(loss.embedder.embed(ids), following), len(ids)))
        (analysis,), _ = pipeline.analyse([Document(past)], [], TEXT)
        budget = round(analysis.tokens / ratio)
        tail = loss.embedder.embed(ids[-budget:])
        measured["tail"].append((loss(tail, following), budget))
        short = pipeline.compress(analysis, None, TEXT, budget=budget).token_ids
        measured["text"].append((loss(loss.embedder.embed(short), following), len(short)))
        for name, embedder in ways.items():
            made = Pipeline(pipeline.encoder, tokenizer, embedder).compress(analysis, None, EMBEDS, budget=budget)
            vectors = loss.embedder.embed(made.token_ids) if made.embeds is None else made.embeds
            measured[name].append((loss(vectors, following), len(vectors)))
        sys.stderr.write(".")
        sys.stderr.flush()
    sys.stderr.write("\n")
    text = np.array([value for value, _ in measured["text"]])
    sys.stdout.write(f"{'way':42} {'nats':>7} {'- text':>7} {'+-':>6} {'vectors':>8}\n")
    for name, pairs in measured.items():
        values = np.array([value for value, _ in pairs])
        apart = values - text
        error = apart.std(ddof=1) / np.sqrt(len(apart)) if len(apart) > 1 else 0.0
        size = np.mean([size for _, size in pairs])
        sys.stdout.write(f"{name:42} {values.mean():7.4f} {apart.mean():+7.4f} {error:6.4f} {size:8.1f}\n")


if __name__ == "__main__":
    typer.run(main)
