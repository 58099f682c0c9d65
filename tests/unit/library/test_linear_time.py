"""Input made to be slow costs time linear in its length: four times the input, about four times the time.

Processor time, not the clock's: other processes do not count. Quadratic work would take 16 times as long.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from fakes.encoders import small_tokenizer
from semtoken import CompressionOptions, Compressor, DeadlineExceededError
from semtoken.cluster.templates import log_templates
from semtoken.datamodels import Encoding
from semtoken.deadline import Deadline
from semtoken.encoders import EncoderInput
from semtoken.encoders.windows import pool_units
from semtoken.intent.question import find_question
from semtoken.report import render_html
from semtoken.segment import segment

RATIO = 9.0
FAST = 0.05
"""Seconds of four times the input under which nothing is slow, and ratios are noise."""
QUESTION = "\n\nWho stored crate 27?"


class CheapEncoder:
    """Every four characters are a token, with a vector of eight numbers: costs next to nothing."""

    fingerprint = "cheap"

    def encode(
        self, inputs: Sequence[EncoderInput], *, lexical_only: bool = False, deadline: Deadline | None = None
    ) -> list[Encoding]:
        return [self._one(item) for item in inputs]

    def _one(self, item: EncoderInput) -> Encoding:
        starts = np.arange(0, len(item.text), 4, dtype=np.int64)
        codes = np.frombuffer(item.text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)[starts]
        vectors = np.cos(codes[:, None] * np.arange(1.0, 9.0)).astype(np.float32)
        bounds = np.append(np.searchsorted(starts, item.unit_starts), len(starts))
        ends = np.minimum(starts + 4, len(item.text))
        return Encoding(vectors, codes.astype(np.int64), starts, ends, bounds, pool_units(vectors, bounds))


COMPRESSOR = Compressor(CheapEncoder(), small_tokenizer())


def assert_linear(work: Callable[[int], Callable[[], object]], n: int) -> None:
    """``work(n)`` prepares the input; what it returns is timed at ``n`` and at four times that."""
    small, large = work(n), work(4 * n)
    small()  # what is compiled or loaded once is not counted
    times: list[tuple[float, float]] = []
    for _ in range(4):
        times.append((_seconds(small), _seconds(large)))
        least, most = min(a for a, _ in times), min(b for _, b in times)
        if most < FAST or most < RATIO * least:
            return
    raise AssertionError(f"four times the input took {most / least:.1f} times as long: {least:.3f} s, {most:.3f} s")


def _seconds(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


REPEATED = (
    *("x", "字", "7", "1,", "a_", "aA", "a@b.", "a@", "/", "C:\\a", "--a ", '"', '" a ', "\"'", "“a ", "`a ", "```a\n"),
    *(
        "a\n",
        "\n",
        " ",
        "Name: a\n",
        "[",
        "[\n",
        '{"a": [\n',
        '{"a": 1}\n',
        '{"a": 1} x ',
        "@a\n",
        "def a():\n",
        "class A:\n\n  def b():\n    c = 1\n",
        '{"a":',
        '- {"a" [',
        "[1] ",
        '["',
        '{"\\"[',
        '["a\n',
        "# a\n\n",
        "| a | b |\n",
        "a,b,c\n",
    ),
    *(
        "e\u0301",
        "👩\u200d",
        "\u200b",
        "🇩🇪",
        "Словоλέξηكلمةनमस्तेสวัสดี你好한국어שלום ",
        "> q\n>> r\n",
        "- a\n",
        "a\nb\n---\n",
    ),
    *("2024-01-01 10:00:00 INFO x\n", "x = f(1);\n", "From: a\nTo: b\n\n", "<p>a</p>", "<div ", "<tr><td>a", "<"),
    *(
        "https://",
        "https://a.b/c?d ",
        "3 May 2021 ",
        "2024-01-",
        "0x",
        "$3.5 ",
        "Mr. ",
        "a? ",
        "。",
        "<semtoken:keep>a",
    ),
    *(
        "Question: a ",
        "Q: a\n",
        "Answer: ",
        "<question>a ",
        "<|im_start|>user\n",
        "(a) b\n",
        "translate this. ",
        "und, ",
    ),
)


@pytest.mark.parametrize("unit", REPEATED, ids=repr)
def test_a_hostile_text_is_compressed_in_linear_time(unit: str) -> None:
    options = CompressionOptions(mode="force", keep_tags=True, protect=("a", "crate 27"))

    def work(n: int) -> Callable[[], object]:
        chat = [{"role": "user", "content": unit * (n // len(unit)) + QUESTION}]
        return lambda: COMPRESSOR.compress_messages(chat, options)

    assert_linear(work, 8_000)


@pytest.mark.parametrize(
    "made",
    [
        lambda n: "(" * (n // 2) + ")" * (n // 2),
        lambda n: "[" * (n // 2) + "]" * (n // 2),
        lambda n: "<div>" * (n // 11) + "</div>" * (n // 11),
        lambda n: "\n".join("`" * (3 + k % 200) for k in range(n // 100)),
        lambda n: "<semtoken:keep>" * (n // 32) + "</semtoken:keep>" * (n // 32),
        lambda n: "a" + "\n<semtoken:keep></semtoken:keep>" * (n // 32) + "b",
        lambda n: "".join(f"Line {k} says {k * k} of it. " for k in range(n // 24)),
        lambda n: "".join(f"2024-01-01 10:00:00 INFO w{k * 7919 % 100003}x started\n" for k in range(n // 42)),
        lambda n: '{"a": [' + ",".join(f'{{"id": {k}}}' for k in range(n // 12)) + "]}",
        lambda n: "\n".join("[" + "1," * 1000 for _ in range(n // 2000)),
        lambda n: "x " + " ".join("[" + "1, " * 50 + "1]" for _ in range(n // 152)) + " y",
        lambda n: "x " + '[{"a": [' * (n // 12) + "1" + "]}]" * (n // 12),
    ],
    ids=[
        "round",
        "square",
        "html",
        "fences",
        "tags",
        "blank tags",
        "lines",
        "log",
        "json",
        "open json",
        "json in a line",
        "deep json",
    ],
)
def test_a_hostile_structure_is_compressed_in_linear_time(made: Callable[[int], str]) -> None:
    options = CompressionOptions(mode="force", keep_tags=True)

    def work(n: int) -> Callable[[], object]:
        chat = [{"role": "user", "content": made(n) + QUESTION}]
        return lambda: COMPRESSOR.compress_messages(chat, options)

    assert_linear(work, 8_000)


def unlike_lines(n: int) -> str:
    """``n`` lines with a time stamp and as many words, that have no word in common."""
    chance = random.Random(0)
    words = ("".join(chance.choices("abcdefghij", k=6)) for _ in range(8 * n))
    return "\n".join(f"2024-01-01 10:00:00 {' '.join(line)}" for line in zip(*[words] * 8, strict=True))


def test_log_lines_with_nothing_in_common_are_mined_in_linear_time() -> None:
    def work(n: int) -> Callable[[], object]:
        segmentation = segment(unlike_lines(n))
        return lambda: log_templates(segmentation)

    assert_linear(work, 1_000)


class Impatient(Deadline):
    """Over when it has been asked ``most`` times."""

    def __init__(self, most: int) -> None:
        super().__init__(float("inf"))
        self.left = most

    def check(self) -> None:
        self.left -= 1
        if self.left < 0:
            self.cancel()
        super().check()


def test_a_deadline_is_seen_among_log_lines() -> None:
    with pytest.raises(DeadlineExceededError):
        COMPRESSOR.within(Impatient(50)).compress(unlike_lines(100))


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


ANSWER = {"role": "assistant", "content": "Noted."}
CHATS: dict[str, Callable[[int], list[dict[str, Any]]]] = {
    "short turns": lambda n: [m for k in range(n) for m in (user(f"Who stored crate {k}?"), ANSWER)],
    "messages of one run": lambda n: [user("a")] * (8 * n),
    "parts of one message": lambda n: [
        {"role": "user", "content": [{"type": "text", "text": "Crate 3 is green."}] * (2 * n)}
    ],
    "tool results": lambda n: [
        user("Which crate?"),
        *[{"role": "tool", "content": "x", "tool_call_id": "c"}] * (8 * n),
    ],
    "tool calls": lambda n: [
        {"role": "assistant", "tool_calls": [{"id": f"c{k}", "function": {"name": "f"}} for k in range(8 * n)]},
        *({"role": "tool", "tool_call_id": f"c{k}", "content": "x"} for k in range(8 * n)),
        user("Which crate?"),
    ],
}


@pytest.mark.parametrize("name", CHATS)
def test_a_chat_of_many_messages_is_planned_in_linear_time(name: str) -> None:
    def work(n: int) -> Callable[[], object]:
        chat = CHATS[name](n)
        return lambda: COMPRESSOR.compress_messages(chat, CompressionOptions(min_tokens=512))

    assert_linear(work, 150)


@pytest.mark.parametrize("role", ["user", "assistant"])
def test_keep_tags_are_taken_out_of_what_is_left_alone_in_linear_time(role: str) -> None:
    def work(n: int) -> Callable[[], object]:
        chat = [{"role": role, "content": "<semtoken:keep>a</semtoken:keep>b" * (n // 33)}, user("Which crate?")]
        return lambda: COMPRESSOR.compress_messages(chat, CompressionOptions(keep_tags=True, mode="off"))

    assert_linear(work, 20_000)


def test_a_question_among_hostile_labels_is_found_at_once() -> None:
    hostile = "<question>a" * 700 + " " * 8_000 + "Question: a " * 700 + "Q: a\n" * 3_000
    for text in (hostile, hostile[:16_000], hostile[-16_000:], "Question: " * 1_600, "Q: a\n" * 3_200):
        find_question(text)
        assert min(_seconds(lambda text=text: find_question(text)) for _ in range(3)) < 5  # type: ignore[misc]


@pytest.mark.parametrize("role", ["user", "tool"])
def test_a_query_of_a_megabyte_is_read_at_its_ends(role: str) -> None:
    call = {"id": "c", "function": {"name": "find", "arguments": "crate 27 " * 100_000}}
    text = "".join(f"Clerk {k} stored crate {k} in hall {k % 7}. " for k in range(2_000))
    chat: list[dict[str, Any]] = [
        user("Which crate?"),
        {"role": "assistant", "tool_calls": [call]},
        {"role": role, "tool_call_id": "c", "content": text},
    ]
    long = CompressionOptions(mode="force", query=None if role == "tool" else "crate 27 " * 11_000)
    assert _seconds(lambda: COMPRESSOR.compress_messages(chat, long)) < 60


def test_the_report_is_made_in_linear_time() -> None:
    def work(n: int) -> Callable[[], object]:
        result = COMPRESSOR.compress("A crate. " * n, None, CompressionOptions(thin=True))
        return lambda: render_html(result)

    assert_linear(work, 1_000)
