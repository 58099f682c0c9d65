"""The prompts of each scenario: from bundled texts, from files of the evaluation data's form, and in their order."""

from __future__ import annotations

import gzip
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from semtoken.errors import InvalidInputError

from loadtest.prompts.files import read, write
from loadtest.prompts.prompt import Prompt, characters
from loadtest.prompts.sequence import SCENARIOS, sequence

LIMIT = 13_500


def check(message: dict[str, Any]) -> None:
    """As the OpenAI API wants it."""
    assert isinstance(message["content"], str)
    assert message["role"] in ("system", "user", "assistant", "tool")
    if message["role"] == "tool":
        assert message["tool_call_id"]
    for call in message.get("tool_calls", []):
        assert call["type"] == "function"
        json.loads(call["function"]["arguments"])


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_scenario_makes_valid_requests_from_bundled_texts(scenario: str) -> None:
    conversations = SCENARIOS[scenario](None, LIMIT)
    assert len(conversations) >= 4
    for prompt in (prompt for conversation in conversations for prompt in conversation):
        body = prompt.body("some-model", "run-1", ignore_eos=True)
        assert body["stream"] is body["stream_options"]["include_usage"] is body["ignore_eos"] is True
        assert (body["model"], body["temperature"]) == ("some-model", 0.0)
        assert body["max_tokens"] > 0
        assert prompt.scenario == scenario
        assert body["messages"][-1]["role"] in ("user", "tool")
        assert "run-1" in body["messages"][0]["content"]
        for message in body["messages"]:
            check(message)
        assert 0 < characters(prompt.messages) <= LIMIT


def test_turns_of_a_session_begin_alike_and_hold_outputs_of_tools() -> None:
    for session in SCENARIOS["agent"](None, LIMIT):
        for earlier, later in pairwise(session):
            assert later.messages[: len(earlier.messages)] == earlier.messages
        outputs = [message for message in session[-1].messages if message["role"] == "tool"]
        calls = [call["id"] for message in session[-1].messages for call in message.get("tool_calls", [])]
        assert [output["tool_call_id"] for output in outputs] == calls
        assert outputs


def test_the_run_is_told_first_and_nothing_else_changes() -> None:
    user = {"role": "user", "content": "Why?"}
    alone = Prompt("chat", "1", [user], 8)
    assert alone.body("m")["messages"] == [user]
    mark, same = alone.body("m", "a")["messages"]
    assert (mark["role"], same) == ("system", user)
    led = Prompt("chat", "1", [{"role": "system", "content": "Be brief."}, user], 8)
    assert led.body("m", "a")["messages"] == [{"role": "system", "content": f"{mark['content']}\nBe brief."}, user]


def test_prompts_are_dealt_in_turn_by_their_seed() -> None:
    first = sequence(["rag", "chat"], None, seed=1)
    assert [prompt.scenario for prompt in first[:4]] == ["rag", "chat"] * 2
    assert first == sequence(["rag", "chat"], None, seed=1)
    assert first != sequence(["rag", "chat"], None, seed=2)
    assert {prompt.key for prompt in first if prompt.scenario == "rag"} == {
        prompt.key for (prompt,) in SCENARIOS["rag"](None, 16_000)
    }


def test_prompts_are_the_same_after_their_file(tmp_path: Path) -> None:
    made = sequence(list(SCENARIOS), None)
    write(made, tmp_path / "prompts.jsonl")
    assert read(tmp_path / "prompts.jsonl") == made


def test_what_cannot_be_had_is_told() -> None:
    with pytest.raises(InvalidInputError, match="'haiku' is not one of rag, agent"):
        sequence(["haiku"], None)
    with pytest.raises(InvalidInputError, match="no prompt of 'rag' has 100 characters or fewer"):
        sequence(["rag"], None, max_chars=100)


def test_files_of_the_given_folder_are_taken(tmp_path: Path) -> None:
    (tmp_path / "chat").mkdir()
    call = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    turns = [
        {"role": "user", "content": "Look."},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "name": "look", "content": "x" * 50},
        {"role": "assistant", "content": "Seen."},
        {"role": "user", "content": "y" * 500},
        {"role": "assistant", "content": "Too long for what is asked here."},
    ]
    file = tmp_path / "chat" / "tau_airline_agent.jsonl.gz"
    file.write_bytes(gzip.compress(json.dumps({"id": "s", "messages": turns}).encode() + b"\n"))
    (session,) = SCENARIOS["agent"](tmp_path, 200)
    assert [len(prompt.messages) for prompt in session] == [1, 3]
    assert session[1].messages[1]["content"] == ""
    with pytest.raises(InvalidInputError, match="hotpotqa_distractor"):
        SCENARIOS["rag"](tmp_path, 200)
    file.write_bytes(gzip.compress(b'{"id": "s"}\n'))
    with pytest.raises(InvalidInputError, match=r"gz:1: no chat"):
        SCENARIOS["agent"](tmp_path, 200)


@pytest.mark.data
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_scenario_makes_requests_from_evaluation_data(scenario: str, eval_data: Path) -> None:
    found = [prompt for conversation in SCENARIOS[scenario](eval_data, LIMIT) for prompt in conversation]
    assert len(found) >= 10
    for prompt in found:
        assert characters(prompt.messages) <= LIMIT
        for message in prompt.messages:
            check(message)
