"""`semtoken eval` from its arguments to its files, with the real small model, encoder and library."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from semtoken.bundled import BundledModels
from semtoken.evaluation.bundled import bundled_demo
from semtoken.evaluation.methods import DEFAULT_METHODS
from semtoken_server.cli.main import run

pytestmark = pytest.mark.model


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    """Two questions about paragraphs of the bundled document."""
    document = bundled_demo().document
    start = document.index("It seems possible that the extensive annotation")
    context = document[start : start + 900]
    asked = [
        ("How many IBYCUS computers are there in the country?", "400"),
        ("Out of which project was the IBYCUS developed?", "Thesaurus Linguae Graecae"),
    ]
    lines = [
        {"id": f"q{i}", "task": "ibycus", "context": context, "question": question, "answers": [answer]}
        for i, (question, answer) in enumerate(asked)
    ]
    path = tmp_path / "questions.jsonl"
    path.write_text("\n".join(json.dumps(line) for line in lines))
    return path


def rows(path: Path) -> dict[tuple[str, float], dict[str, Any]]:
    return {(row["method"], row["ratio_asked"]): row for row in json.loads(path.read_text())["rows"]}


def test_qa_with_every_method(
    models: BundledModels, questions: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, page = tmp_path / "qa.json", tmp_path / "qa.html"
    arguments = ["--data", str(questions), "--device", "cpu", "--json", str(out), "--html", str(page)]
    assert run(["eval", "qa", *arguments, "--model", str(models.llm), "--encoder", str(models.encoder)]) == 0
    found = rows(out)
    assert {method for method, _ in found} == set(DEFAULT_METHODS)
    for (method, ratio), row in found.items():
        assert row["n"] == 2
        assert row["kept_fraction"] <= 1 / ratio + 0.02
        if method not in ("none", "semtoken"):  # so short a text holds few whole sentences
            assert row["kept_fraction"] == pytest.approx(1 / ratio, abs=0.02)
        assert 0 <= row["f1"] <= 1
        assert row["answer_nll"] > 0
    assert found["none", 1.0]["answer_in_context"] == 1.0
    # Both the library and BM25 are told the question; random tokens are not.
    assert found["semtoken", 2.4]["answer_in_context"] == 1.0
    assert found["semtoken", 2.4]["answer_nll"] < found["random-token", 2.4]["answer_nll"]
    assert page.read_text().startswith("<!doctype html>")
    shown = capsys.readouterr()
    assert "questions: ibycus (n = 2)" in shown.out
    assert "\x1b" not in shown.out + shown.err


def test_a_run_repeats_but_for_its_times(models: BundledModels, questions: Path, tmp_path: Path) -> None:
    def once(name: str) -> list[dict[str, Any]]:
        out = tmp_path / name
        methods = ["--methods", "random-sentence,random-token,semtoken", "--max-new-tokens", "0"]
        arguments = [str(questions), *methods, "--seed", "5", "--device", "cpu", "--json", str(out)]
        assert run(["eval", "qa", *arguments]) == 0
        return [row | {"compress_ms_per_1k_tokens": 0} for row in json.loads(out.read_text())["rows"]]

    assert once("first.json") == once("second.json")


def test_lm_on_the_bundled_texts(models: BundledModels, tmp_path: Path) -> None:
    out = tmp_path / "lm.json"
    sizes = ["--context", "256", "--target", "32", "--limit", "2", "--ratio", "2.4"]
    methods = ["--methods", "truncate,semtoken", "--device", "cpu", "--json", str(out)]
    assert run(["eval", "lm", *sizes, *methods]) == 0
    found = rows(out)
    assert set(found) == {("none", 1.0), ("truncate", 2.4), ("semtoken", 2.4)}
    assert found["none", 1.0]["delta_nll"] == 0.0
    assert found["truncate", 2.4]["kept_fraction"] == pytest.approx(1 / 2.4, abs=0.02)
    assert all(1 < row["ppl"] < 1000 for row in found.values())


def test_one_command_gives_the_ablation_table(
    models: BundledModels, questions: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "ablation.json"
    arguments = [str(questions), "--methods", "none", "--ablate", "relevance,density", "--pool-from", "2"]
    assert run(["eval", "qa", *arguments, "--max-new-tokens", "0", "--device", "cpu", "--json", str(out)]) == 0
    shortened = ["semtoken", "semtoken-without-relevance", "semtoken-without-density"]
    assert set(rows(out)) == {("none", 1.0), *((method, 2.4) for method in shortened)}
    pooled = json.loads(out.read_text())["pooled"]
    assert [row["method"] for row in pooled] == ["none", *shortened]
    assert all(row["answer_nll_minus_none"] is not None and row["f1_minus_none"] is None for row in pooled)
    assert "mean over 1 task (n = 2)" in capsys.readouterr().out


def test_a_run_is_resumed_from_its_file_and_no_other(
    models: BundledModels, questions: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    journal = tmp_path / "run.jsonl"
    arguments = ["eval", "qa", str(questions), "--methods", "truncate", "--max-new-tokens", "0", "--device", "cpu"]

    def measured(name: str) -> list[dict[str, Any]]:
        assert run([*arguments, "--resume", str(journal), "--json", str(tmp_path / name)]) == 0
        found: list[dict[str, Any]] = json.loads((tmp_path / name).read_text())["rows"]
        return found

    first = measured("first.json")
    lines = journal.read_bytes().splitlines(keepends=True)
    assert len(lines) == 3
    journal.write_bytes(b"".join(lines[:2]) + lines[2][:50])
    again = measured("again.json")
    assert [row | {"compress_ms_per_1k_tokens": 0} for row in again] == [
        row | {"compress_ms_per_1k_tokens": 0} for row in first
    ]
    assert len(journal.read_bytes().splitlines()) == 3
    assert measured("done.json") == again
    capsys.readouterr()
    assert run([*arguments, "--seed", "1", "--resume", str(journal)]) == 2
    error = capsys.readouterr().err
    assert "is of another run" in error
    assert error.count("\n") == 1


def test_recall_is_measured_without_a_model(
    models: BundledModels, questions: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, page = tmp_path / "recall.json", tmp_path / "recall.html"
    arguments = ["--data", str(questions), "--device", "cpu", "--json", str(out), "--html", str(page)]
    assert run(["eval", "recall", *arguments]) == 0
    [row] = json.loads(out.read_text())["rows"]
    assert (row["task"], row["method"], row["ratio_asked"], row["n"]) == ("ibycus", "semtoken", 2.4, 2)
    assert row["difference"] == row["answer_in_context"] - row["asked_first"]
    assert "later - first" in capsys.readouterr().out
    assert "one turn after" in page.read_text()


def test_the_invariants_are_counted(
    models: BundledModels, questions: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "invariants.json"
    arguments = ["--data", str(questions), "--ratio", "2.4", "--device", "cpu", "--json", str(out)]
    assert run(["eval", "invariants", *arguments]) == 0
    found = {row["check"]: row for row in json.loads(out.read_text())["rows"]}
    assert found["pinned strings present"]["held"] == found["pinned strings present"]["n"] > 0
    assert found["atomic strings whole or gone"]["failures"] == []
    assert "numbers as in the original" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["qa", "--methods", "none,magic"], "'magic'"),
        (["qa", "--ratio", "0"], "0 is not above 1"),
        (["qa", "--ratio", "nan"], "nan is not above 1"),
        (["qa", "--ratio", "2.4,x"], "'x' is not a number"),
        (["qa", "--limit", "0"], "'--limit'"),
        (["qa", "--ablate", "density,magic"], "no stage 'magic'"),
        (["qa", "--data", "missing.jsonl"], "missing.jsonl: cannot be read"),
        (["qa", "--model", "a", "--url", "b"], "exclude one another"),
        (["qa", "--model", "no-such-folder", "--methods", "none"], "no model folder at 'no-such-folder'"),
        (["qa", "--data", "hub:nothing"], "hub:nothing: no questions of that name; there are hub:longbench/"),
        (["lm", "--data", "hub:nothing"], "hub:nothing: no running text of that name; there are hub:wikitext-103"),
        (["lm", "--data", "missing.txt"], "missing.txt: cannot be read"),
    ],
)
def test_bad_input_is_one_line_and_status_2(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["eval", *arguments]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_a_bad_line_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text('{"id": "a", "task": "t", "context": "c", "question": "q", "answers": ["x"]}\n{"id": "b"}\n')
    assert run(["eval", "qa", "--data", str(path)]) == 2
    assert "bad.jsonl:2: 'answers'" in capsys.readouterr().err


def test_an_engine_that_is_not_there_is_status_1(models: BundledModels, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["eval", "qa", "--url", "http://127.0.0.1:9", "--methods", "none", "--tokenizer", str(models.llm)]) == 1
    assert "http://127.0.0.1:9" in capsys.readouterr().err
