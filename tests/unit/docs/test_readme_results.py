"""The figures and the picture of README.md are those of the results beside the pages, and of the encoder."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import orjson
import pytest
from semtoken import CompressionOptions, Compressor
from unit.docs.documents import DOCS, README, table_rows

PICTURE = DOCS / "images" / "how-it-works.svg"
TEXT = "{http://www.w3.org/2000/svg}text"
METHODS = {"semtoken": "semtoken", "embedding similarity": "embedding", "BM25": "bm25", "truncation": "truncate"}
RATIOS = {"at 2.4x": 2.4, "at 4x": 4.0, "at 8x": 8.0}


def result(name: str) -> Any:
    return orjson.loads((DOCS / f"{name}.json").read_bytes())


def test_speed() -> None:
    pair, clients, prefixes = (result(f"performance/{name}") for name in ("gateway", "clients", "prefixes"))
    asked, chats = prefixes["questions"], prefixes["chats"]
    rows = table_rows(README, "measure", "compression off", "compression on", "reproduce")
    assert [(row["compression off"], row["compression on"]) for row in rows] == [
        (
            f"{pair['off']['ttft_s']:.2f} s",
            f"{pair['on']['ttft_s']:.2f} s ({pair['speedup']['ttft']:.2f}x faster)",
        ),
        (f"{pair['off']['forwarded_tokens']:,}", f"{pair['on']['forwarded_tokens']:,}"),
        (
            f"{clients['off']['requests_per_s']:.2f}",
            f"{clients['on']['requests_per_s']:.2f} ({clients['speedup']['requests_per_s']:.2f}x)",
        ),
        (f"{chats['off']['hit_rate']:.1f} %", f"{chats['on']['hit_rate']:.1f} %"),
        (
            f"{asked['off']['hit_rate']:.1f} %",
            f"**{asked['document']['hit_rate']:.1f} %** with `stability: document`, "
            f"**{asked['turn']['hit_rate']:.1f} %** without",
        ),
    ]
    assert f"{pair['prompt_tokens']:,}-token prompt" in rows[0]["measure"]
    assert rows[2]["measure"].startswith(f"{clients['clients']} clients")
    assert f"chat of {chats['turns']} turns" in rows[3]["measure"]
    assert f"{asked['questions']} questions" in rows[4]["measure"]


def test_answers_kept() -> None:
    pooled = {(row["method"], row["ratio_asked"]): row for row in result("evaluation/all")["pooled"]}
    first = f"answers still in the prompt, {len(pooled['none', 1.0]['tasks'])} QA tasks, n = {pooled['none', 1.0]['n']}"
    expected = [
        {first: shown}
        | {head: f"{pooled[name, at]['answer_in_context']:.1%}".replace("%", " %") for head, at in RATIOS.items()}
        for shown, name in METHODS.items()
    ]
    last = {first: "semtoken's F1 minus the full prompt's, points"}
    last |= {head: difference(pooled["semtoken", at]) for head, at in RATIOS.items()}
    assert table_rows(README, first, *RATIOS) == [*expected, last]
    assert f"(F1 {pooled['none', 1.0]['f1']:.1%} from".replace("%", " %") in README.read_text()


def difference(row: dict[str, Any]) -> str:
    low, high = row["ci95"]["f1_minus_none"]
    return f"{100 * row['f1_minus_none']:+.1f} [{100 * low:+.1f}, {100 * high:+.1f}]"


@pytest.mark.model
def test_the_picture_shows_what_is_kept(compressor: Compressor) -> None:
    texts = [element for element in ElementTree.parse(PICTURE).iter(TEXT) if element.text]
    before, after = (
        [str(element.text) for element in texts if kind in element.get("class", "").split()]
        for kind in ("before", "after")
    )
    document, question = before[:-1], before[-1]
    prompt = "\n".join(document) + f"\n\n{question}"
    options = CompressionOptions(ratio=2.0, mode="force")
    made = compressor.compress_messages([{"role": "user", "content": prompt}], options)
    assert [line for line in made.messages[0]["content"].splitlines() if line] == after
    shown = [element.text for element in texts if element.text and element.text.endswith(" tokens")]
    assert shown == [f"{made.original_tokens} tokens", f"{made.forwarded_tokens} tokens"]
    kept = [str(element.text) for element in texts if element.get("class") == "before kept"]
    assert kept == after[:-1]
