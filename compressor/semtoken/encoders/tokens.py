"""Tokens of a text with where they stand, as every encoder needs them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from tokenizers import Tokenizer

from semtoken.datamodels import IntArray
from semtoken.encoders.base import EncoderInput
from semtoken.errors import InvalidInputError


class Tokens(NamedTuple):
    """A text of t tokens and n units in an encoder's vocabulary."""

    ids: IntArray
    """(t,)."""
    offsets: IntArray
    """(t, 2) characters where each token starts and ends."""
    bounds: IntArray
    """(n + 1,) unit ``i`` holds the tokens ``bounds[i]:bounds[i + 1]``."""


def tokenise(backend: Tokenizer, item: EncoderInput) -> Tokens:
    """Tokenise a text without special tokens; raises ``InvalidInputError`` for bad Unicode."""
    try:
        # A batch of one: unlike `encode` it lets other threads run.
        encoding = backend.encode_batch([item.text], add_special_tokens=False)[0]
    except (TypeError, UnicodeError) as error:
        raise InvalidInputError("the text is not valid Unicode (lone surrogates)") from error
    offsets = np.asarray(encoding.offsets, dtype=np.int64).reshape(-1, 2)
    bounds = np.append(np.searchsorted(offsets[:, 0], item.unit_starts), len(offsets))
    return Tokens(np.asarray(encoding.ids, dtype=np.int64), offsets, bounds)
