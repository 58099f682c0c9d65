"""What vLLM's scale-out routes do, for the fake engine: the token ids of its answers are numbers of its words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from semtoken import ServedTokenizer

DISABLED = "Scale-out endpoints are disabled. Restart vllm serve with --enable-scale-out to enable them."
NO_PROMPT = "prompt_token_ids is required when a tool or reasoning parser is configured."


def rendered(tokenizer: ServedTokenizer, asked: dict[str, Any], window: int) -> dict[str, Any]:
    """The prompt of a chat as the fakes' template writes it, and how its answer is drawn."""
    said = "".join(f"<|{m['role']}|>{_text(m['content'])}<|end|>" for m in asked["messages"])
    ids = tokenizer.ids(f"{said}<|assistant|>")
    # What has vLLM's default is left out, which of the limit is 16.
    limit = asked.get("max_tokens") or window - len(ids)
    return {
        "request_id": "chatcmpl-rendered",
        "token_ids": ids,
        "token_offsets": None,
        "features": None,
        "sampling_params": {} if limit == 16 else {"max_tokens": limit},
        "model": asked.get("model"),
        "stream": bool(asked.get("stream")),
        "stream_options": asked.get("stream_options"),
    }


def piece(number: int, words: Sequence[str]) -> dict[str, Any]:
    """A word of a stream of token ids; the last comes with the token that ends the answer."""
    last = number == len(words) - 1
    ids = [number, number + 1] if last else [number]
    return _generated([{"index": 0, "token_ids": ids, "finish_reason": "stop" if last else None}])


def whole(words: Sequence[str], usage: dict[str, int]) -> dict[str, Any]:
    """An answer in token ids, in one piece."""
    return {
        **_generated([{"index": 0, "token_ids": list(range(len(words) + 1)), "finish_reason": "stop"}]),
        "usage": usage,
    }


def usage_piece(usage: dict[str, int]) -> dict[str, Any]:
    """The piece of a stream that tells the usage."""
    return {**_generated([]), "usage": usage}


def derendered(asked: dict[str, Any], words: Sequence[str], calls: list[dict[str, Any]] | None) -> dict[str, Any]:
    """What a chat's client gets; the state of a stream is the words that it has had."""
    if not asked.get("stream"):
        generated = asked["generate_response"]
        choices = [
            {
                "index": choice["index"],
                "message": {"role": "assistant", "content": _joined(choice, words), "tool_calls": calls or []},
                "finish_reason": choice["finish_reason"],
            }
            for choice in generated["choices"]
        ]
        used = {"prompt_tokens": asked["prompt_tokens"], "completion_tokens": len(words)}
        return {"id": generated["request_id"], "object": "chat.completion", "choices": choices, "usage": used}
    chunk, had = asked["generate_chunk"], asked.get("stream_state") or {"words": 0}
    made = [
        {
            "index": choice["index"],
            "delta": {"role": None if had["words"] else "assistant", "content": _joined(choice, words)},
            "finish_reason": choice["finish_reason"],
        }
        for choice in chunk["choices"]
    ]
    chunk_made = {"id": chunk.get("request_id"), "object": "chat.completion.chunk", "choices": made, "usage": None}
    return {"chunk": chunk_made, "stream_state": {"words": had["words"] + len(chunk["choices"])}}


def _generated(choices: list[dict[str, Any]]) -> dict[str, Any]:
    return {"request_id": "generate-tokens-x", "choices": choices, "usage": None}


def _joined(choice: dict[str, Any], words: Sequence[str]) -> str:
    # Beside a parser vLLM writes special tokens out.
    return "".join((*words, "<|im_end|>")[number] for number in choice["token_ids"])


def _text(content: Any) -> str:
    parts = [content] if isinstance(content, str) else [part["text"] for part in content or []]
    return "\n".join(parts)
