"""Train the classifier of `semtoken.intent.whole_text` from the requests in scripts/whole_text/*.tsv.

Each line there is `label<TAB>kind<TAB>request`, the label `whole` or `partial`. Prints what cross-validation
gives, then trains on everything and writes the weights beside the module. Needs the extra `dev`:

    .venv/bin/python scripts/train_whole_text.py
"""

from __future__ import annotations

import argparse
import inspect
import json
import random
import tarfile
import zipfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.sparse import csr_matrix
from semtoken.evaluation.bundled import bundled_records, bundled_texts
from semtoken.intent import whole_text
from semtoken.intent.ngrams import DIMENSIONS, ngrams
from semtoken.intent.question import SHORT
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict

HERE = Path(__file__).resolve().parent
REQUESTS = HERE / "whole_text"
WEIGHTS = Path(whole_text.__file__).with_name(whole_text.WEIGHTS)
MODULES = (argparse, inspect, json, random, tarfile, zipfile)
STRETCHES = 700
STRENGTH = 100.0
"""Inverse of the regularisation."""
FALSE_ALARMS = 0.09
"""Share of the partial requests in the files, chosen to be hard, that cross-validation may take for whole ones at
the threshold. A false alarm costs tokens, a miss costs a right answer."""


@dataclass(frozen=True, slots=True)
class Request:
    """One line of the training data."""

    whole: bool
    kind: str
    language: str
    text: str


TEMPLATES = (
    "Question: {}",
    "{} Answer yes, no or maybe.",
    "Answer the question from the passages. Only give the answer and no other words.\n{}",
    "Use the following pieces of context to answer the question. If you don't know the answer, say so.\n{}",
    "Is the following statement supported by the text? Answer True or False.\nStatement: {}",
    "You are asked to take part in the call and to answer: {}",
    "Please answer briefly. {} Give the letter of the right choice.",
)
"""How question-answering prompts put a question."""
CHINESE_TEMPLATES = (
    "问题：{}",
    "这里有一段摘要：\n\n{}\n\n它出自上面的哪一段？只写段落编号，例如“段落3”。",
    "请根据文章内容简短回答，不要输出其他内容。\n{}",
    "判断下面的说法是否正确，回答“是”或“否”。\n{}",
)


def derived(requests: Sequence[Request], rng: np.random.Generator) -> list[Request]:
    """More partial requests: questions in other dress, and stretches of documents and code, which ask nothing."""
    facts = [r for r in requests if r.kind in ("fact", "code_question")]
    searches = [r.text.casefold().rstrip("?？。.！! ") for r in facts]
    dressed = [_dressed(r, i) for i, r in enumerate(facts)]
    prose = [part for document in _documents() for part in _stretches(document, "\n\n")]
    prose += [part for document in _documents() for part in _stretches(document, "\n")]
    code = [part for module in MODULES for part in _stretches(inspect.getsource(module), "\n\n")]
    drawn = [
        (kind, rng.permutation(sorted(set(texts)))[:STRETCHES].tolist())
        for kind, texts in (("prose", prose), ("code", code))
    ]
    return [
        Request(False, kind, "derived", text)
        for kind, texts in [("search", searches), ("dressed", dressed), *drawn]
        for text in texts
    ]


def _dressed(request: Request, number: int) -> str:
    templates = CHINESE_TEMPLATES if request.language == "zh" else TEMPLATES
    return templates[number % len(templates)].format(request.text)


def _documents() -> Iterator[str]:
    yield from {record["context"] for record in bundled_records()}
    yield from bundled_texts()


def _stretches(text: str, between: str) -> list[str]:
    return [part.strip() for part in text.split(between) if 10 <= len(part.strip()) <= SHORT]


def read(folder: Path) -> list[Request]:
    """The requests of every file, each text once."""
    found: dict[str, Request] = {}
    for path in sorted(folder.glob("*.tsv")):
        for line in path.read_text(encoding="utf-8").splitlines():
            label, kind, text = line.split("\t")
            text = text.replace("\\n", "\n")
            if label not in ("whole", "partial"):
                raise SystemExit(f"{path}: unknown label {label!r}")
            found.setdefault(text.strip(), Request(label == "whole", kind, path.stem, text.strip()))
    return list(found.values())


def matrix(texts: Sequence[str]) -> csr_matrix:
    """(n, DIMENSIONS) rows of unit length over the n-grams."""
    rows = [ngrams(text) for text in texts]
    values = np.concatenate([np.full(len(row), 1.0 / np.sqrt(len(row))) for row in rows])
    ends = np.cumsum([0, *map(len, rows)])
    return csr_matrix((values, np.concatenate(rows), ends), shape=(len(rows), DIMENSIONS))


def main() -> None:
    """Cross-validate, train and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--false-alarms", type=float, default=FALSE_ALARMS)
    arguments = parser.parse_args()
    requests = read(REQUESTS)
    requests += derived(requests, np.random.default_rng(0))
    inputs, labels = matrix([request.text for request in requests]), np.array([r.whole for r in requests])
    model = LogisticRegression(C=STRENGTH, class_weight="balanced", max_iter=2_000)
    folds = StratifiedKFold(arguments.folds, shuffle=True, random_state=0)
    scores = cross_val_predict(model, inputs, labels, cv=folds, method="decision_function")
    hard = np.array([not r.whole and r.language != "derived" for r in requests])
    threshold = float(np.quantile(scores[hard], 1.0 - arguments.false_alarms))
    tell(requests, scores > threshold)
    model.fit(inputs, labels)
    whole_text.save(WEIGHTS, model.coef_[0], float(model.intercept_[0]), threshold)
    print(f"{WEIGHTS}: {WEIGHTS.stat().st_size / 1024:.0f} KiB, threshold {threshold:.2f}")


def tell(requests: Sequence[Request], said: np.ndarray) -> None:
    """Print the share taken for whole, by label, kind and language."""
    groups: dict[str, list[bool]] = defaultdict(list)
    for request, whole in zip(requests, said.tolist(), strict=True):
        label = "whole" if request.whole else "partial"
        for group in (label, f"{label} {request.kind}", f"{label} {request.language}"):
            groups[group].append(whole)
    for group in sorted(groups):
        print(f"{group:28} {len(groups[group]):5} {100 * np.mean(groups[group]):6.1f} %")


if __name__ == "__main__":
    main()
