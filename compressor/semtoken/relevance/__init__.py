"""Relevance of a text's units to a query."""

from semtoken.relevance.combined import relevance
from semtoken.relevance.lexical import bm25, lexical_coverage
from semtoken.relevance.semantic import late_interaction, pooled_similarity

__all__ = ["bm25", "late_interaction", "lexical_coverage", "pooled_similarity", "relevance"]
