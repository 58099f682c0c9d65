"""Input embeddings in the form in which vLLM takes them: base64 of what ``torch.save`` writes."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from semtoken import PartResult
from semtoken.datamodels import FloatArray


def wire_form(vectors: FloatArray) -> str:
    """``vectors`` (v, d) for ``prompt_embeds``; in half precision where that loses nothing."""
    tensor = torch.from_numpy(vectors).contiguous()
    for half in (torch.bfloat16, torch.float16):
        if torch.equal(tensor.to(half).to(torch.float32), tensor):
            tensor = tensor.to(half)
            break
    # A tensor that shares storage with a larger one would be written with all of it.
    buffer = io.BytesIO()
    torch.save(tensor.clone(), buffer)
    return base64.b64encode(buffer.getvalue()).decode("ascii")


def embedded_messages(messages: Sequence[Mapping[str, Any]], parts: Iterable[PartResult]) -> list[dict[str, Any]]:
    """``messages`` with a content part of embeddings in the place of each text that has them."""
    changed = [dict(message) for message in messages]
    for part in parts:
        if (vectors := part.embedded) is None:
            continue
        message, embeds = changed[part.message], {"type": "prompt_embeds", "data": wire_form(vectors)}
        if part.part is None:
            message["content"] = [embeds]
        else:
            content = list(message["content"])
            content[part.part] = embeds
            message["content"] = content
    return changed
