"""Data sets by name from the Hugging Face hub: ``hub:wikitext-103``, ``hub:longbench/hotpotqa``.

WikiText (Merity et al. 2016) is running text, its test split; LongBench (Bai et al. 2024) is questions.
What was fetched once stays in the hub's own cache, from which it is read without network.
"""

from __future__ import annotations

import logging
import sys
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import huggingface_hub
import orjson
from huggingface_hub.errors import HfHubHTTPError
from huggingface_hub.utils.tqdm import disable_progress_bars

from semtoken.errors import InvalidInputError

PREFIX = "hub:"


class HubFile(NamedTuple):
    """A file of a data set's repository."""

    repository: str
    path: str
    revision: str | None = None


Fetch = Callable[[HubFile], Path]
"""Where a file lies once it is here; raises ``OSError`` or ``HfHubHTTPError``."""

_WIKITEXT_REVISION = "b08601e04326c79dfdd32d625aee71d232d685c3"
_TEXTS = {
    name: HubFile("Salesforce/wikitext", f"{name}-raw-v1/test-00000-of-00001.parquet", _WIKITEXT_REVISION)
    for name in ("wikitext-103", "wikitext-2")
}
_LONGBENCH = HubFile("THUDM/LongBench", "data.zip")
# Those that ask a question about a text; "_e" is LongBench-E, of more even lengths.
_LONGBENCH_TASKS = (
    *("narrativeqa", "qasper", "multifieldqa_en", "multifieldqa_zh", "hotpotqa", "2wikimqa", "musique", "dureader"),
    *("qasper_e", "multifieldqa_en_e", "hotpotqa_e", "2wikimqa_e"),
)
_QUESTIONS = {f"longbench/{task}": task for task in _LONGBENCH_TASKS}


def fetch(file: HubFile) -> Path:
    """Download a file into the hub's cache, if it is not there."""
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)  # what failed is told in one line, by us
    if not sys.stderr.isatty():
        disable_progress_bars()
    return Path(
        huggingface_hub.hf_hub_download(file.repository, file.path, revision=file.revision, repo_type="dataset")
    )


def on_hub(source: str | Path) -> bool:
    """Whether a source is a name on the hub rather than a file."""
    return isinstance(source, str) and source.startswith(PREFIX)


def is_text(source: str | Path) -> bool:
    """Whether a source is running text on the hub."""
    return on_hub(source) and str(source).removeprefix(PREFIX) in _TEXTS


def hub_text(source: str, fetched: Fetch = fetch) -> str:
    """A running text by name; raises ``InvalidInputError`` for another name, and without network."""
    file = _TEXTS.get(source.removeprefix(PREFIX))
    if file is None:
        raise InvalidInputError(f"{source}: no running text of that name; there are {_listed(_TEXTS)}")
    # Only this reads Parquet, and loading the reader takes longer than all else that a command starts with.
    try:
        from pyarrow import ArrowException, parquet  # noqa: PLC0415
    except ImportError as error:
        raise InvalidInputError(f"{source}: reading it needs the extra 'eval' (pyarrow is missing)") from error
    try:
        lines = parquet.read_table(_local(source, file, fetched), columns=["text"])["text"].to_pylist()
    except (ArrowException, OSError, KeyError) as error:
        raise InvalidInputError(f"{source}: the file from the hub cannot be read ({_line(error)})") from error
    return "".join(lines)


def hub_questions(source: str, fetched: Fetch = fetch) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Questions by name in the schema of a QA file, each with where it stands; raises as :func:`hub_text`."""
    task = _QUESTIONS.get(source.removeprefix(PREFIX))
    if task is None:
        raise InvalidInputError(f"{source}: no questions of that name; there are {_listed(_QUESTIONS)}")
    archive = _local(source, _LONGBENCH, fetched)
    try:
        with zipfile.ZipFile(archive) as opened:
            lines = opened.read(f"data/{task}.jsonl").splitlines()
        parsed = [orjson.loads(line) for line in lines]
        for number, record in enumerate(parsed, 1):
            yield f"{source}:{number}", _in_our_schema(record, task)
    except (zipfile.BadZipFile, OSError, KeyError, orjson.JSONDecodeError) as error:
        raise InvalidInputError(f"{source}: the file from the hub cannot be read ({_line(error)})") from error


def _in_our_schema(record: Mapping[str, Any], task: str) -> dict[str, Any]:
    return {
        "id": f"longbench_{task}/{record['_id']}",
        "task": f"longbench_{task}",
        "context": record["context"],
        "question": record["input"],
        "answers": [answer for answer in record["answers"] if answer.strip()],
    }


def _local(source: str, file: HubFile, fetched: Fetch) -> Path:
    try:
        return fetched(file)
    except (HfHubHTTPError, OSError) as error:
        raise InvalidInputError(
            f"{source}: cannot be fetched from the hub, and is not in its cache; is there network? ({_line(error)})"
        ) from error


def _listed(names: Mapping[str, object]) -> str:
    return ", ".join(f"{PREFIX}{name}" for name in names)


def _line(error: Exception) -> str:
    lines = str(error).splitlines()
    return lines[0] if lines else type(error).__name__
