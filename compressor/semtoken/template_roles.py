"""Roles as vLLM hands them to a chat template (0.32, ``renderers/hf.py``)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Message = dict[str, Any]


def as_rendered(messages: Sequence[Message], template: str) -> list[Message]:
    """``messages``, their contents plain strings, with the roles that ``template`` knows.

    Where a template does not name the role ``developer``, such messages become the system's, and all of the
    system's one, which stands first.
    """
    if not any(message.get("role") == "developer" for message in messages) or _knows_developers(template):
        return list(messages)
    system = [message for message in messages if message.get("role") in ("system", "developer")]
    others = [message for message in messages if message.get("role") not in ("system", "developer")]
    if len(system) == 1 and messages[0] is system[0]:
        return [{**system[0], "role": "system"}, *others]
    text = "\n\n".join(message["content"] for message in system if message["content"])
    return [{"role": "system", "content": text}, *others]


def _knows_developers(template: str) -> bool:
    return '"developer"' in template or "'developer'" in template
