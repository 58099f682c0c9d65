"""Realisations: what is forwarded for the units that stay. A new one is a file and a line here."""

from semtoken.options import Realisation
from semtoken.realise.base import Realised, Realiser
from semtoken.realise.embeds import Embedded, Embedder
from semtoken.realise.ranges import kept_ranges
from semtoken.realise.seams import KeptTokens, kept_tokens
from semtoken.realise.text import TextRealiser
from semtoken.realise.tokens import TokensRealiser

# Embeddings are chosen as ids, which cost the same; ``Embedder`` then looks up what was chosen.
REALISERS: dict[Realisation, Realiser] = {
    "text": TextRealiser(),
    "tokens": TokensRealiser(),
    "embeds": TokensRealiser(),
}

__all__ = ["REALISERS", "Embedded", "Embedder", "KeptTokens", "Realised", "Realiser", "kept_ranges", "kept_tokens"]
