"""Rates on real questions and documents (SEMTOKEN_EVAL_DATA names the folder)."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from semtoken.intent import find_question, whole_text_task

pytestmark = pytest.mark.data

LABELLED = [
    "Context:\n{c}\n\nQuestion: {q}\nAnswer:",
    "Question: {q}\n\nContext:\n{c}",
    "Write a high-quality answer using only the provided search results.\n\n{c}\n\nQuestion: {q}\nAnswer:",
    "<documents>\n{c}\n</documents>\n\n<question>{q}</question>",
    "# Context\n\n{c}\n\n# Question\n\n{q}\n\n# Answer\n",
    "阅读以下文字并用中文简短回答：\n\n{c}\n\n问题：{q}\n回答：",
]
BARE = ["{c}\n\n{q}", "{q}\n\n{c}"]
ASKING = (
    "hotpotqa_distractor",
    "xquad_en_article",
    "xquad_multilingual_article",
    "longbench_multifieldqa_zh",
    "squality",
)


def rows(folder: Path, name: str) -> list[dict[str, str]]:
    path = folder / "qa" / f"{name}.jsonl.gz"
    if not path.is_file():
        pytest.skip(f"no {path.name} among the evaluation data")
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def found_rate(examples: list[dict[str, str]], templates: list[str]) -> float:
    """Share of prompts in which the question is found: all of it, and little else."""
    hits = 0
    for example in examples:
        context, question = example["context"].strip(), example["question"].strip()
        for template in templates:
            before, _, _ = template.replace("{c}", context).partition("{q}")
            text = template.replace("{c}", context).replace("{q}", question)
            found = find_question(text).question
            start, end = len(before), len(before) + len(question)
            hits += (
                found is not None
                and found[0] <= start
                and found[1] >= end
                and found[1] - found[0] <= 2 * len(question) + 40
            )
    return hits / (len(examples) * len(templates))


@pytest.mark.parametrize("name", ASKING)
def test_finds_labelled_questions(eval_data: Path, name: str) -> None:
    assert found_rate(rows(eval_data, name)[::4], LABELLED) >= 0.99


def test_finds_bare_questions(eval_data: Path) -> None:
    # Not every one can be found: a story called "What is POSAT?" opens with a question, too.
    rates = [found_rate(rows(eval_data, name)[::2], BARE) for name in ASKING]
    assert min(rates) >= 0.9
    assert sum(rates) / len(rates) >= 0.97


def test_questions_of_every_set_are_rarely_taken_for_whole_text_tasks(eval_data: Path) -> None:
    files = sorted((eval_data / "qa").glob("*.jsonl.gz"))
    questions = [row["question"] for path in files for row in rows(eval_data, path.name.removesuffix(".jsonl.gz"))]
    alarms = [question for question in questions if whole_text_task(question)]
    assert len(alarms) <= 0.02 * len(questions), alarms[:10]
