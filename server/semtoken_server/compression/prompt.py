"""Prompts of ``/v1/completions`` as token ids, and as embeddings."""

from __future__ import annotations

import numpy as np
from semtoken import CompressionOptions, SemTokenError
from semtoken.datamodels import FloatArray

from semtoken_server.compression.backend import CompressedPrompt
from semtoken_server.compression.library import CompressorLike, TokenizerLike

_PROBE = "semantic tokens"


def compress_prompt(
    compressor: CompressorLike, prompt: str, options: CompressionOptions, *, special_tokens: bool
) -> CompressedPrompt:
    """Compress one prompt; an engine adds nothing to ids, so the model's special tokens go in here."""
    before, after = _surroundings(compressor.tokenizer) if special_tokens else ((), ())
    # Bounds are on the whole prompt, so the special tokens come out of them.
    options = _less(options, len(before) + len(after))
    result = compressor.compress_prompt(prompt, options)
    before, after = _lacking(result.token_ids, before, after)
    ids = before + result.token_ids + after
    embeds: FloatArray | None = None
    if result.embeds is not None:
        embeds = np.concatenate((compressor.embed(before), result.embeds, compressor.embed(after)))
    elif options.realise == "embeds":
        # Beside a prompt that is compressed one that is not goes as vectors too: the engine takes no mixture.
        embeds = compressor.embed(ids)
    return CompressedPrompt(result, ids, embeds)


def _less(options: CompressionOptions, taken: int) -> CompressionOptions:
    bounds = {"target_tokens": options.target_tokens, "window_tokens": options.window_tokens}
    update = {name: max(1, bound - taken) for name, bound in bounds.items() if bound is not None}
    return options.model_copy(update=update)


def surrounded(ids: tuple[int, ...], before: tuple[int, ...], after: tuple[int, ...]) -> tuple[int, ...]:
    """``ids`` between special tokens, which come once even if the text brings them already."""
    before, after = _lacking(ids, before, after)
    return before + ids + after


def _lacking(
    ids: tuple[int, ...], before: tuple[int, ...], after: tuple[int, ...]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """What of the special tokens is not there already."""
    if ids[: len(before)] == before:
        before = ()
    if after and ids[-len(after) :] == after:
        after = ()
    return before, after


def _surroundings(tokenizer: TokenizerLike) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The special tokens that the model wants before and after a text.

    Raises ``SemTokenError`` for a tokenizer that puts them anywhere else.
    """
    plain = tokenizer.ids(_PROBE)
    full = tokenizer.ids(_PROBE, special_tokens=True)
    for at in range(len(full) - len(plain) + 1):
        if full[at : at + len(plain)] == plain:
            return tuple(full[:at]), tuple(full[at + len(plain) :])
    raise SemTokenError(f"the tokenizer's special tokens do not stand around the text: {full} for {plain}")
