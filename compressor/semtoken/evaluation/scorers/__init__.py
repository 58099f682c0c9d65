"""Models that answer a prompt and say how likely they find the gold answer."""

from semtoken.evaluation.scorers.base import CausalModel, LanguageModel, Score, Scorer, VectorReader
from semtoken.evaluation.scorers.local import LocalModel
from semtoken.evaluation.scorers.remote import RemoteModel

__all__ = ["CausalModel", "LanguageModel", "LocalModel", "RemoteModel", "Score", "Scorer", "VectorReader"]
