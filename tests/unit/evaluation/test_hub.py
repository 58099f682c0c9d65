"""Data sets by name, with files such as the hub's own in the place of the network."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pytest
from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError
from pyarrow import parquet
from semtoken.errors import InvalidInputError
from semtoken.evaluation.datasets import load_corpus, load_examples
from semtoken.evaluation.hub import HubFile

UNAVAILABLE: Any = httpx.Response(503, request=httpx.Request("GET", "x:"))
RECORD: dict[str, Any] = {
    "input": "Who built the mill?",
    "context": "Anna built the mill.",
    "answers": ["Anna", ""],
    "length": 4,
    "dataset": "hotpotqa",
    "language": "en",
    "all_classes": None,
    "_id": "abc",
}


class FakeHub:
    """Hands out one file and remembers what was asked for."""

    def __init__(self, path: Path | Exception) -> None:
        self.path = path
        self.asked: list[HubFile] = []

    def __call__(self, file: HubFile) -> Path:
        self.asked.append(file)
        if isinstance(self.path, Exception):
            raise self.path
        return self.path


def archive(path: Path, **tasks: list[dict[str, Any]]) -> Path:
    with zipfile.ZipFile(path, "w") as opened:
        for task, lines in tasks.items():
            opened.writestr(f"data/{task}.jsonl", "".join(f"{json.dumps(line)}\n" for line in lines))
    return path


def table(path: Path, **columns: list[str]) -> Path:
    parquet.write_table(pa.table(columns), path)
    return path


def test_longbench_comes_as_examples(tmp_path: Path) -> None:
    other = RECORD | {"_id": "def"}
    hub = FakeHub(archive(tmp_path / "data.zip", hotpotqa=[RECORD, other], qasper=[]))
    data = load_examples("hub:longbench/hotpotqa", fetched=hub)
    assert hub.asked == [HubFile("THUDM/LongBench", "data.zip")]
    assert data.name == "longbench_hotpotqa"
    assert [example.id for example in data.examples] == ["longbench_hotpotqa/abc", "longbench_hotpotqa/def"]
    first = data.examples[0]
    assert (first.task, first.question, first.answers) == ("longbench_hotpotqa", "Who built the mill?", ("Anna",))
    assert len(load_examples("hub:longbench/hotpotqa", limit=1, fetched=hub).examples) == 1


def test_wikitext_comes_as_documents(tmp_path: Path) -> None:
    lines = ["", " = First = \n", "", " text \n", " = = Part = = \n", " more \n", " = Second = \n", " other \n"]
    hub = FakeHub(table(tmp_path / "test.parquet", text=lines))
    corpus = load_corpus("hub:wikitext-103", fetched=hub)
    [asked] = hub.asked
    assert (asked.repository, asked.path.split("/")[0]) == ("Salesforce/wikitext", "wikitext-103-raw-v1")
    assert asked.revision is not None
    assert corpus.name == "wikitext-103"
    assert [document.split("\n")[0] for document in corpus.documents] == [" = First = ", " = Second = "]


@pytest.mark.parametrize(
    "error",
    [
        LocalEntryNotFoundError("cannot find it locally.\nPlease check your connection."),
        ConnectionError("Connection refused"),
        HfHubHTTPError("503 Server Error\nfor url", response=UNAVAILABLE),
    ],
    ids=["offline", "refused", "server"],
)
def test_without_network_it_is_one_clear_line(error: Exception) -> None:
    for load, name in ((load_examples, "hub:longbench/qasper"), (load_corpus, "hub:wikitext-2")):
        with pytest.raises(InvalidInputError, match=f"{name}: cannot be fetched from the hub, .* network") as raised:
            load(name, fetched=FakeHub(error))
        assert "\n" not in str(raised.value)


@pytest.mark.parametrize("name", ["hub:", "hub:longbench", "hub:longbench/gov_report", "hub:wikitext-103"])
def test_other_names_are_refused_with_those_there_are(name: str) -> None:
    hub = FakeHub(AssertionError("asked"))
    with pytest.raises(InvalidInputError, match=r"hub:longbench/hotpotqa, "):
        load_examples(name, fetched=hub)
    assert hub.asked == []


def test_questions_are_no_running_text() -> None:
    with pytest.raises(InvalidInputError, match="there are hub:wikitext-103, hub:wikitext-2"):
        load_corpus("hub:longbench/hotpotqa", fetched=FakeHub(AssertionError("asked")))


def test_files_that_are_not_what_they_should_be_are_refused(tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.write_bytes(b"neither")
    without_task = archive(tmp_path / "data.zip", qasper=[])
    without_field = archive(tmp_path / "fields.zip", hotpotqa=[{"_id": "a"}])
    for path in (broken, without_task, without_field):
        with pytest.raises(InvalidInputError, match="the file from the hub cannot be read"):
            load_examples("hub:longbench/hotpotqa", fetched=FakeHub(path))
    for path in (broken, table(tmp_path / "t.parquet", words=["a"])):
        with pytest.raises(InvalidInputError, match="the file from the hub cannot be read"):
            load_corpus("hub:wikitext-103", fetched=FakeHub(path))
