from __future__ import annotations

import gzip
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from semtoken.errors import InvalidInputError
from semtoken.evaluation.datasets import load_corpus, load_examples, split_documents

GOOD: dict[str, Any] = {"id": "a", "task": "t", "context": "c", "question": "q", "answers": ["x"]}


def write(path: Path, records: list[Any]) -> Path:
    path.write_text("\n".join(json.dumps(record) for record in records))
    return path


def numbered(count: int) -> list[dict[str, Any]]:
    return [GOOD | {"id": f"id-{i}"} for i in range(count)]


@pytest.mark.parametrize(
    ("bad", "named"),
    [
        ({key: value for key, value in GOOD.items() if key != "context"}, "'context'"),
        (GOOD | {"question": "  "}, "'question'"),
        (GOOD | {"answers": []}, "'answers'"),
        (GOOD | {"answers": "x"}, "'answers'"),
        (GOOD | {"answers": ["x", ""]}, "'answers'"),
        (GOOD | {"id": 7}, "'id'"),
        ([1], "JSON object"),
    ],
)
def test_a_bad_line_is_refused_with_file_and_line(tmp_path: Path, bad: Any, named: str) -> None:
    path = write(tmp_path / "set.jsonl", [GOOD, bad])
    with pytest.raises(InvalidInputError, match=rf"set\.jsonl:2: .*{named}"):
        load_examples(path)


def test_what_is_no_json_is_refused_with_file_and_line(tmp_path: Path) -> None:
    path = tmp_path / "set.jsonl"
    path.write_text(json.dumps(GOOD) + "\n\n{oops\n")
    with pytest.raises(InvalidInputError, match=r"set\.jsonl:3: not JSON"):
        load_examples(path)


def test_an_id_may_occur_once(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="'a' occurs twice"):
        load_examples(write(tmp_path / "set.jsonl", [GOOD, GOOD]))


@pytest.mark.parametrize("content", [b"no gzip", gzip.compress(b"{}")[:-9]])
def test_a_broken_gzip_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "set.jsonl.gz"
    path.write_bytes(content)
    with pytest.raises(InvalidInputError, match="cannot be read"):
        load_examples(path)


def test_gzip_is_read_and_the_name_has_no_endings(tmp_path: Path) -> None:
    path = tmp_path / "set.jsonl.gz"
    path.write_bytes(gzip.compress(json.dumps(GOOD).encode()))
    data = load_examples(path)
    assert data.name == "set"
    assert data.examples[0].answers == ("x",)


def test_a_limit_draws_by_seed_and_keeps_the_order(tmp_path: Path) -> None:
    path = write(tmp_path / "set.jsonl", numbered(50))
    drawn = [example.id for example in load_examples(path, limit=10, seed=3).examples]
    assert drawn == [example.id for example in load_examples(path, limit=10, seed=3).examples]
    assert drawn != [example.id for example in load_examples(path, limit=10, seed=4).examples]
    assert drawn == sorted(drawn, key=lambda name: int(name.removeprefix("id-")))
    assert len(set(drawn)) == 10


def test_the_halves_go_by_the_parity_of_the_id_hash(tmp_path: Path) -> None:
    path = write(tmp_path / "set.jsonl", numbered(40))
    tune = {example.id for example in load_examples(path, split="tune").examples}
    report = {example.id for example in load_examples(path, split="report").examples}
    assert tune | report == {example.id for example in load_examples(path).examples}
    assert not tune & report
    assert all(int(hashlib.sha256(name.encode()).hexdigest(), 16) % 2 == 1 for name in tune)


def test_an_empty_half_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "set.jsonl", [GOOD])
    halves = {"tune", "report"} - {load_examples(path).examples[0].split}
    with pytest.raises(InvalidInputError, match="no example in the split"):
        load_examples(path, split=halves.pop())  # type: ignore[arg-type]


def test_form_feeds_part_documents() -> None:
    assert split_documents("one\n\f\ntwo\n\f\n\n\f\nthree") == ("one\n", "two\n", "three")


def test_wikitext_is_split_at_titles_but_not_at_headings() -> None:
    text = " \n = First = \n \n text \n = = Part = = \n more \n \n = Second = \n other \n"
    first, second = split_documents(text)
    assert "= = Part = =" in first
    assert second.startswith(" = Second = ")


def test_a_text_file_must_hold_utf8_text(tmp_path: Path) -> None:
    (tmp_path / "binary.txt").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "empty.txt").write_text(" \n\f\n ")
    with pytest.raises(InvalidInputError, match="not UTF-8"):
        load_corpus(tmp_path / "binary.txt")
    with pytest.raises(InvalidInputError, match="no text"):
        load_corpus(tmp_path / "empty.txt")
    with pytest.raises(InvalidInputError, match="cannot be read"):
        load_corpus(tmp_path / "missing.txt")
