"""Realisations: what is forwarded for the units that stay. A new one is a file and a line here."""

from semtoken.options import Realisation
from semtoken.realise.base import Realised, Realiser
from semtoken.realise.ranges import kept_ranges
from semtoken.realise.text import TextRealiser
from semtoken.realise.tokens import TokensRealiser

REALISERS: dict[Realisation, Realiser] = {"text": TextRealiser(), "tokens": TokensRealiser()}

__all__ = ["REALISERS", "Realised", "Realiser", "kept_ranges"]
