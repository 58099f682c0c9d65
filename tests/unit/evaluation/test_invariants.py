from __future__ import annotations

import gzip
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from semtoken import CompressionResult, Compressor, MessagesResult, Reason, Status
from semtoken.compressor import DEFAULTS
from semtoken.errors import InvalidInputError
from semtoken.evaluation.bundled import BUNDLED, bundled_structured
from semtoken.evaluation.checks import Check, check_result
from semtoken.evaluation.invariants import InvariantSettings, Tally, check_invariants, choose_pins
from semtoken.evaluation.subjects import SubjectSet, load_subjects
from semtoken.options import CompressionOptions

PROSE = "The mill cut 1,200.50 m on 2031-03-14. It was a good day. Nobody was hurt. The saws stood still at noon. "
CODE = "Before.\n\n```python\nx = 1\n\ny = 2\n```\n\nAfter.\n"
LOG = "".join(f"2031-03-14 06:00:{i:02d} INFO [gateway] request {i} was accepted\n" for i in range(30)) + (
    "2031-03-14 06:01:00 ERROR [store] disk is full\n"
)


def cut(original: str, *kept: tuple[int, int], text: str | None = None) -> CompressionResult:
    """A result that says it kept these ranges; one token a character."""
    joined = "".join(original[start:end] for start, end in kept) if text is None else text
    return CompressionResult(
        original=original,
        text=joined,
        token_ids=(0,) * len(joined),
        original_tokens=len(original),
        status=Status.COMPRESSED,
        reason=Reason.OK,
        spans=(),
        kept=kept,
        timings_ms={},
    )


def broken(result: CompressionResult, *pins: str, ratio: float = 1.0) -> set[Check]:
    return {finding.check for finding in check_result(result, pins, ratio) if not finding.held}


def around(text: str, part: str) -> tuple[int, int]:
    return text.index(part), text.index(part) + len(part)


def test_the_whole_breaks_nothing_and_is_looked_at_from_every_side() -> None:
    seen = set()
    for text in (PROSE, CODE, LOG, '{"a": [1, 2]}'):
        result = cut(text, (0, len(text)))
        assert broken(result, text[:5]) == set()
        seen |= {finding.check for finding in check_result(result, [text[:5]], 1.0)}
    assert seen == set(Check) - {Check.FIELDS}


@pytest.mark.parametrize(
    ("result", "said"),
    [
        (cut(PROSE, around(PROSE, "The mill cut 1,200")), {Check.ATOMS, Check.NUMBERS}),
        (cut(PROSE, around(PROSE, "It was a good day."), text="It was a bad day."), {Check.KEPT}),
        (cut("In 1992.\n3 men came.", (0, 8), (9, 20)), {Check.NUMBERS}),
        (cut('{"a": [1, 2]}', (0, 7)), {Check.JSON}),
        (cut(CODE, (0, CODE.index("y =")), (CODE.index("```\n\nA"), len(CODE))), {Check.FENCES}),
        (cut(LOG, (0, LOG.index("2031-03-14 06:01"))), {Check.TEMPLATES}),
    ],
    ids=["number cut", "text changed", "numbers run together", "JSON", "code", "template"],
)
def test_each_breach_is_seen(result: CompressionResult, said: set[Check]) -> None:
    found = broken(result)
    assert found >= said
    assert found <= said | {Check.ATOMS}


@pytest.mark.parametrize(
    ("text", "fences"),
    [
        (CODE.replace("\n", "\r\n"), 1),
        (CODE + CODE, 2),
        (CODE.replace("```", "~~~~"), 1),
        ("```x``` is inline.\n\n" + CODE, 1),
        ("```\nnever closed\n", 0),
    ],
    ids=["CR LF", "two", "tildes", "inline", "open"],
)
def test_fences_are_found(text: str, fences: int) -> None:
    found = [finding for finding in check_result(cut(text, (0, len(text))), [], 1.0) if finding.check is Check.FENCES]
    assert [finding.held for finding in found] == [True] * fences


def test_a_touching_pair_of_ranges_is_one_stretch() -> None:
    middle = PROSE.index("200.50")
    assert broken(cut(PROSE, (0, middle), (middle, len(PROSE)))) == set()


def test_one_line_of_a_template_is_enough_and_any_will_do() -> None:
    lines = LOG.splitlines(keepends=True)
    start = sum(map(len, lines[:7]))
    kept = ((start, start + len(lines[7])), (len(LOG) - len(lines[-1]), len(LOG)))
    assert broken(cut(LOG, *kept)) == set()


def test_a_long_line_is_one_line() -> None:
    long = f"2031-03-14 06:02:00 WARN [engine] destroyed by {' '.join(f'mill.saw.Blade.turn:{i}' for i in range(60))}\n"
    text = LOG + long
    assert len(long) > 1200
    assert broken(cut(text, (0, len(text)))) == set()
    assert broken(cut(text, (0, len(LOG)))) == {Check.TEMPLATES}


def test_pins_and_ratio() -> None:
    text = PROSE * 10
    result = cut(text, around(text, "It was a good day. "))
    assert broken(result, "Nobody was hurt.") == {Check.PINNED}
    assert broken(cut(text, (0, len(text))), ratio=2.0) == {Check.RATIO}
    short = cut(PROSE, (0, len(PROSE)))
    assert Check.RATIO not in {finding.check for finding in check_result(short, [], 2.0)}


def test_pins_stand_once_and_one_in_each_third() -> None:
    text = "again and again and again. " * 20 + "Only here was it said. " + "once more and once more. " * 60
    pins = choose_pins(text, np.random.default_rng(0))
    assert pins
    assert all(text.count(pin) == 1 for pin in pins)
    distinct = " ".join(f"word{i}" for i in range(300))
    chosen = choose_pins(distinct, np.random.default_rng(0))
    assert [int(3 * distinct.index(pin) / len(distinct)) for pin in chosen] == [0, 1, 2]
    rows = ", ".join(f'{{"a": {i}}}' for i in range(200))
    assert not any(pin[-1] in ",:" for seed in range(9) for pin in choose_pins(rows, np.random.default_rng(seed)))
    assert choose_pins("short", np.random.default_rng(0)) == []


def write(path: Path, *records: Any) -> Path:
    path.write_bytes(gzip.compress("\n".join(json.dumps(record) for record in records).encode()))
    return path


def test_questions_chats_and_texts_are_read(tmp_path: Path) -> None:
    question = {"id": "q", "task": "t", "context": "c", "question": "why?", "answers": ["x"]}
    chat = {"id": "chat", "messages": [{"role": "user", "content": "hello"}]}
    asked, talked = load_subjects(write(tmp_path / "set.jsonl.gz", question, chat)).subjects
    assert (asked.id, asked.text, asked.question) == ("q", "c", "why?")
    assert talked.messages == ({"role": "user", "content": "hello"},)
    (tmp_path / "two.txt.gz").write_bytes(gzip.compress(b"one\n\f\ntwo"))
    assert [subject.text.strip() for subject in load_subjects(tmp_path / "two.txt.gz").subjects] == ["one", "two"]
    bundled = load_subjects(BUNDLED).subjects
    assert {"guide.md", "orders.json", "service.log"} < {subject.id for subject in bundled}
    assert len(load_subjects(BUNDLED, limit=2).subjects) == 2


@pytest.mark.parametrize("messages", [[], "hello", [1]])
def test_a_chat_without_messages_is_refused(tmp_path: Path, messages: Any) -> None:
    path = write(tmp_path / "set.jsonl.gz", {"id": "a", "messages": messages})
    with pytest.raises(InvalidInputError, match=r"set\.jsonl\.gz:1: 'messages'"):
        load_subjects(path)


def test_the_bundled_texts_have_something_of_every_kind() -> None:
    found = set()
    for text in bundled_structured().values():
        found |= {finding.check for finding in check_result(cut(text, (0, len(text))), [], 1.0)}
    assert found >= {Check.JSON, Check.FENCES, Check.TEMPLATES, Check.ATOMS}


class Careless:
    """Takes out the last word of everything, and the roles' names in chats."""

    def compress(
        self, text: str, query: str | None = None, options: CompressionOptions = DEFAULTS
    ) -> CompressionResult:
        return cut(text, (0, len(text.rstrip().rsplit(" ", 1)[0])))

    def compress_messages(
        self,
        messages: Sequence[Mapping[str, Any]],
        options: CompressionOptions = DEFAULTS,
        tools: Sequence[Mapping[str, Any]] | None = None,
    ) -> MessagesResult:
        forms = tuple(dict(message) | {"name": "x", "content": "gone"} for message in messages)
        return MessagesResult(forms, 10, 5, Status.COMPRESSED, Reason.OK, (), {})


def test_breaches_are_counted_and_named(tmp_path: Path) -> None:
    chat = {"id": "chat", "messages": [{"role": "user", "content": PROSE * 10}, {"role": "assistant", "content": "a"}]}
    chat["messages"][0]["content"] += " ".join(f"word{i}" for i in range(300))  # type: ignore[index]
    sets = [load_subjects(write(tmp_path / "chats.jsonl.gz", chat)), _only_orders()]
    tallies = {(t.data, t.check): t for t in check_invariants(sets, Careless(), InvariantSettings((2.0,)))}
    fields = tallies["chats", Check.FIELDS]
    assert (fields.held, fields.n, fields.broken) == (1, 3, True)
    assert fields.failures == ["chat: message 0", "chat: message 1"]
    pinned = tallies["chats", Check.PINNED]
    assert pinned.held == 0 < pinned.n
    assert tallies["orders", Check.JSON].broken
    assert not replace(tallies["orders", Check.RATIO], n=5, held=0).broken


def _only_orders() -> SubjectSet:
    [orders] = [subject for subject in load_subjects(BUNDLED).subjects if subject.id == "orders.json"]
    return SubjectSet("orders", (orders,))


def test_nothing_to_check_is_an_error() -> None:
    with pytest.raises(InvalidInputError, match="no text to check"):
        check_invariants([SubjectSet("none", ())], Careless(), InvariantSettings())


@pytest.mark.model
def test_the_library_breaks_nothing(compressor: Compressor, tmp_path: Path) -> None:
    structured = load_subjects(BUNDLED).subjects[-3:]
    call = {"id": "c1", "type": "function", "function": {"name": "orders", "arguments": '{"page": 1}'}}
    chat = [
        {"role": "system", "content": "You help the mill's operator."},
        {"role": "user", "content": "Which orders go to Corsham?"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": bundled_structured()["orders.json"]},
    ]
    talked = load_subjects(write(tmp_path / "chat.jsonl.gz", {"id": "chat", "messages": chat}))
    sets = [SubjectSet("structured", structured), talked]
    tallies: list[Tally] = check_invariants(sets, compressor, InvariantSettings((2.4, 8.0)))
    assert [(t.data, t.check, t.ratio, t.failures) for t in tallies if t.broken] == []
    assert {tally.check for tally in tallies} == set(Check)
