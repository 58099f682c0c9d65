"""Relevance of a text's units to a query."""

from semtoken.relevance.combined import relevance
from semtoken.relevance.lexical import bm25, lexical_coverage
from semtoken.relevance.semantic import pooled_similarity

__all__ = ["bm25", "lexical_coverage", "pooled_similarity", "relevance"]
