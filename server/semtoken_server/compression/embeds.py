"""Input embeddings in the form in which vLLM takes them: base64 of what ``torch.save`` writes."""

from __future__ import annotations

import base64
import io

from semtoken.datamodels import FloatArray


def wire_form(vectors: FloatArray) -> str:
    """``vectors`` (v, d) for ``prompt_embeds``; in half precision where that loses nothing."""
    import torch  # noqa: PLC0415 - takes seconds

    tensor = torch.from_numpy(vectors).contiguous()
    for half in (torch.bfloat16, torch.float16):
        if torch.equal(tensor.to(half).to(torch.float32), tensor):
            tensor = tensor.to(half)
            break
    # A tensor that shares storage with a larger one would be written with all of it.
    buffer = io.BytesIO()
    torch.save(tensor.clone(), buffer)
    return base64.b64encode(buffer.getvalue()).decode("ascii")


def embedded_part(vectors: FloatArray) -> dict[str, str]:
    """A chat's content part of embeddings in the place of a text."""
    return {"type": "prompt_embeds", "data": wire_form(vectors)}
