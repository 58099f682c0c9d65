"""Where vLLM renders a chat, answers token ids with token ids, and makes a chat's answer of them again."""

from __future__ import annotations

RENDER = "/v1/chat/completions/render"
GENERATE = "/inference/v1/generate"
DERENDER = "/v1/chat/completions/derender"
