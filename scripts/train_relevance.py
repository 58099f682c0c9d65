"""Train the head of `semtoken.relevance.head` on questions with known answers.

    .venv/bin/python scripts/train_relevance.py --data a.jsonl.gz ... --more b.jsonl.gz ... --encoder FOLDER

The files are in the form of `semtoken eval`. Only the tuning half of each is read for training, without questions that
also stand in the reporting half of a `--data` file, in the same words or, in another language, under the same long
identifier; on `--more` files nothing is reported. Contexts of one paragraph are put among others of their task that
lack the answer. A unit is right where it holds an answer; what is learned is a softmax over the units of a text. Prints
what 5-fold cross-validation gives beside the untrained sum, and training without the source of a data set, then trains
on everything and writes the weights beside the module. Needs the extra `dev`.
"""

from __future__ import annotations

import argparse
import hashlib
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from semtoken.datamodels import Query
from semtoken.encoders import EncoderInput
from semtoken.encoders.transformer import TransformerEncoder
from semtoken.evaluation.datasets import Example, load_examples
from semtoken.evaluation.metrics import answer_in_context
from semtoken.relevance import head
from semtoken.relevance.features import FEATURES, features
from semtoken.segment import segment

WEIGHTS = Path(head.__file__).with_name(head.WEIGHTS)
SHORT, LONG = 2_000, 60_000
"""Characters: below the first a context is put among others, above the second it is left out."""
COMPANY = 7
FOLDS, SEEDS, HIDDEN, EPOCHS, RATE, DECAY = 5, 8, 8, 120, 0.02, 3e-3
RATIOS = (2.4, 4.0, 8.0)
SUMMED = ("meaning", "meaning of rare words", "bm25")

Ranker = Callable[["Text"], NDArray[np.float32]]
_LONG_ID = re.compile(r"[0-9a-f]{20,}$")
_WORD = re.compile(r"\w{4,}")


@dataclass(frozen=True, slots=True)
class Text:
    """The content units of one context."""

    task: str
    fold: int
    features: NDArray[np.float32]
    """(n, k)."""
    right: NDArray[np.bool_]
    """(n,)."""
    sizes: NDArray[np.int64]
    """(n,) the encoder's tokens."""


def identity(example: Example) -> str:
    """What the same question in another language shares, else the id."""
    found = _LONG_ID.search(example.id)
    return found.group() if found else example.id


def training_examples(files: Sequence[str], more: Sequence[str]) -> list[Example]:
    """The tuning halves, without what a reporting half of ``files`` asks."""
    loaded = [example for file in files for example in load_examples(file, split="report").examples]
    reported = {mark for example in loaded for mark in (identity(example), example.question.casefold().strip())}
    tuning = [example for file in (*files, *more) for example in load_examples(file, split="tune").examples]
    return [e for e in tuning if not {identity(e), e.question.casefold().strip()} & reported]


def in_company(examples: Sequence[Example]) -> Iterator[tuple[Example, str]]:
    """Each example with its context, a short one among others that share the most words with the question."""
    by_task: dict[str, dict[str, None]] = defaultdict(dict)
    for example in examples:
        by_task[example.task][example.context] = None
    for example in examples:
        if len(example.context) > LONG:
            continue
        if len(example.context) >= SHORT:
            yield example, example.context
            continue
        asked = set(_WORD.findall(example.question.casefold()))
        others = [text for text in by_task[example.task] if not answer_in_context(text, example.answers)]
        others.sort(key=lambda text: -len(asked & set(_WORD.findall(text.casefold()))))
        place = _number(example.id) % (COMPANY + 1)
        texts = [*others[:place], example.context, *others[place:COMPANY]]
        yield example, "\n\n".join(texts)


def texts(examples: Sequence[Example], encoder: TransformerEncoder) -> list[Text]:
    """The examples whose answer stands within one unit, encoded."""
    found: list[Text] = []
    for example, context in in_company(examples):
        segmentation = segment(context)
        document, asked = encoder.encode(
            [EncoderInput(context, segmentation.starts), EncoderInput(example.question, np.zeros(1, dtype=np.int64))]
        )
        rows = np.flatnonzero(segmentation.content)
        spans = zip(segmentation.starts[rows].tolist(), segmentation.ends[rows].tolist(), strict=True)
        right = np.array([answer_in_context(context[start:end], example.answers) for start, end in spans])
        if right.any():
            table = features(segmentation, document, Query(example.question, asked))[rows]
            fold = _number(identity(example)) % FOLDS
            found.append(Text(example.task, fold, table, right, np.diff(document.bounds)[rows]))
    return found


def train(chosen: Sequence[Text], seeds: int = SEEDS) -> head.Head:
    """The mean of ``seeds`` networks, as one; standardisation is folded into the weights."""
    table = torch.from_numpy(np.concatenate([text.features for text in chosen]))
    mean, deviation = table.mean(0), table.std(0) + 1e-3
    table = (table - mean) / deviation
    right = torch.from_numpy(np.concatenate([text.right for text in chosen])).float()
    owner = torch.repeat_interleave(torch.arange(len(chosen)), torch.tensor([len(text.right) for text in chosen]))
    parts = [_network(table, right, owner, len(chosen), seed) for seed in range(seeds)]
    hidden = torch.cat([first.weight.T for first, _ in parts], dim=1) / deviation[:, None]
    bias = torch.cat([first.bias for first, _ in parts]) - mean @ hidden
    output = torch.cat([last.weight[0] for _, last in parts]) / seeds
    return head.Head(*(part.detach().numpy() for part in (hidden, bias, output)))


def _network(
    table: torch.Tensor, right: torch.Tensor, owner: torch.Tensor, count: int, seed: int
) -> tuple[torch.nn.Linear, torch.nn.Linear]:
    torch.manual_seed(seed)
    first, last = torch.nn.Linear(table.shape[1], HIDDEN), torch.nn.Linear(HIDDEN, 1)
    parameters = [*first.parameters(), *last.parameters()]
    optimiser = torch.optim.Adam(parameters, lr=RATE)
    for _ in range(EPOCHS):
        logits = last(torch.tanh(first(table)))[:, 0]
        top = torch.full((count,), -torch.inf).scatter_reduce(0, owner, logits.detach(), "amax")
        weights = torch.exp(logits - top[owner])
        total = torch.zeros(count).index_add(0, owner, weights)
        found = torch.zeros(count).index_add(0, owner, weights * right)
        loss = -torch.log(found / total + 1e-9).mean() + DECAY * sum((p**2).sum() for p in parameters)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    return first, last


def tell(name: str, chosen: Sequence[Text], ranker: Ranker) -> None:
    """Print by task the mean share of a text that has to be kept for an answer, in powers of two, and answers kept."""
    needs: dict[str, list[float]] = defaultdict(list)
    for text in chosen:
        scores = ranker(text)
        best = scores[text.right].max()
        needs[text.task].append(float(text.sizes[scores >= best].sum() / text.sizes.sum()))
    print(f"{name}: task, questions, mean log2 of the share needed, answers kept % at {RATIOS}")
    lines = {**needs, "mean": [share for shares in needs.values() for share in shares]}
    for task, shares in lines.items():
        kept = " ".join(f"{100 * np.mean([share <= 1 / ratio for share in shares]):5.1f}" for ratio in RATIOS)
        print(f"  {task:28}{len(shares):5}{np.mean(np.log2(shares)):8.2f}   {kept}")


def main() -> None:
    """Cross-validate, train and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="+", required=True)
    parser.add_argument("--more", nargs="*", default=[])
    parser.add_argument("--encoder", required=True)
    arguments = parser.parse_args()
    encoder = TransformerEncoder.from_pretrained(arguments.encoder)
    chosen = texts(training_examples(arguments.data, arguments.more), encoder)
    summed = [FEATURES.index(name) for name in SUMMED]
    tell("sum of signals", chosen, lambda text: text.features[:, summed].sum(axis=1))
    heads = [train([text for text in chosen if text.fold != fold]) for fold in range(FOLDS)]
    tell("trained, cross-validated", chosen, lambda text: heads[text.fold](text.features))
    families = {family(text.task): None for text in chosen}
    apart = {name: train([text for text in chosen if family(text.task) != name]) for name in families}
    tell("trained without the data set and its kin", chosen, lambda text: apart[family(text.task)](text.features))
    train(chosen).save(WEIGHTS)
    print(f"{WEIGHTS}: {WEIGHTS.stat().st_size / 1024:.1f} KiB from {len(chosen)} questions")


def family(task: str) -> str:
    """What data sets of one source share: the name up to the first underscore."""
    return task.partition("_")[0]


def _number(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")


if __name__ == "__main__":
    main()
