"""An agent's turns with the outputs of its tools."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import orjson
from semtoken.evaluation.bundled import bundled_structured

from loadtest.prompts.prompt import Conversation, Message
from loadtest.prompts.recorded import recorded_chats, turns

NAME = "agent"
FILE = Path("chat/tau_airline_agent.jsonl.gz")
MAX_TOKENS = 48
_LAST = 4
_ORDERS, _LINES = 8, 40
_SYSTEM = "You help the clerk of a mill. Call tools for what you need to know; then answer in one or two sentences."
_OPENING = "Look up page {page} of the orders, please. I want to know which of them are large."
_SECOND = "Did the service report errors while they came in? Read its log."


def conversations(data: Path | None, max_chars: int) -> list[Conversation]:
    """The last turns of each session that fit, the earlier ones being in their prompts.

    Raises ``InvalidInputError`` for a bad file.
    """
    sessions = list(_bundled()) if data is None else recorded_chats(data / FILE)
    found = (turns(NAME, key, messages, MAX_TOKENS, max_chars)[-_LAST:] for key, messages in sessions)
    return [conversation for conversation in found if conversation]


def _bundled() -> Iterator[tuple[str, list[Message]]]:
    """Sessions over the bundled orders and log, each over a page of its own."""
    structured = bundled_structured()
    orders = orjson.loads(structured["orders.json"])["orders"]
    lines = structured["service.log"].splitlines()
    for page, first in enumerate(range(0, len(orders), _ORDERS), 1):
        shown = orjson.dumps({"page": page, "orders": orders[first : first + _ORDERS]}).decode()
        begin = _LINES * (page - 1) % len(lines)
        log = "\n".join(lines[begin : begin + _LINES])
        yield (
            f"bundled/{page}",
            [
                {"role": "system", "content": _SYSTEM},
                {"role": "user", "content": _OPENING.format(page=page)},
                *_called(f"call-{page}-1", "list_orders", {"page": page}, shown),
                {"role": "assistant", "content": "I have the page. The order with the most items is the largest."},
                {"role": "user", "content": _SECOND},
                *_called(f"call-{page}-2", "read_log", {"first": begin, "lines": _LINES}, log),
                {"role": "assistant", "content": "There are warnings in it."},
            ],
        )


def _called(call: str, tool: str, arguments: dict[str, int], output: str) -> list[Message]:
    function = {"name": tool, "arguments": orjson.dumps(arguments).decode()}
    return [
        {"role": "assistant", "content": "", "tool_calls": [{"id": call, "type": "function", "function": function}]},
        {"role": "tool", "tool_call_id": call, "content": output},
    ]
