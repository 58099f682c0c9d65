"""Compression methods under evaluation. A new one is one file and one line in ``METHODS``."""

from collections.abc import Sequence

from semtoken.errors import InvalidOptionError
from semtoken.evaluation.methods.base import Compressed, Context, Method, Resources
from semtoken.evaluation.methods.bm25 import Bm25
from semtoken.evaluation.methods.centroid import Centroid
from semtoken.evaluation.methods.embedding import Embedding
from semtoken.evaluation.methods.embedding_merge import EmbeddingMerge
from semtoken.evaluation.methods.entropy_prune import EntropyPrune
from semtoken.evaluation.methods.head_tail import HeadTail
from semtoken.evaluation.methods.llmlingua import LlmLingua, LongLlmLingua
from semtoken.evaluation.methods.none import NoCompression
from semtoken.evaluation.methods.random_sentence import RandomSentence
from semtoken.evaluation.methods.random_token import RandomToken
from semtoken.evaluation.methods.selective_context import SelectiveContextSentence, SelectiveContextToken
from semtoken.evaluation.methods.semtoken import SemToken
from semtoken.evaluation.methods.truncate import Truncate

METHODS: dict[str, type[Method]] = {
    "none": NoCompression,
    "truncate": Truncate,
    "head-tail": HeadTail,
    "random-sentence": RandomSentence,
    "random-token": RandomToken,
    "bm25": Bm25,
    "centroid": Centroid,
    "embedding": Embedding,
    "entropy-prune": EntropyPrune,
    "semtoken": SemToken,
    "llmlingua": LlmLingua,
    "longllmlingua": LongLlmLingua,
    "selective-context-token": SelectiveContextToken,
    "selective-context-sentence": SelectiveContextSentence,
    "embedding-merge": EmbeddingMerge,
}

DEFAULT_METHODS = tuple(name for name, method in METHODS.items() if not method.optional)
"""What runs where no method is named."""


def require_known(names: Sequence[str]) -> None:
    """Raise ``InvalidOptionError`` for a name that is no method's."""
    for name in names:
        if name not in METHODS:
            raise InvalidOptionError(f"no method {name!r}; there are {', '.join(METHODS)}", param="methods")


def build_methods(names: Sequence[str], resources: Resources) -> list[Method]:
    """Make methods by name; ``none`` comes first and always, since every other is compared with it.

    Raises ``InvalidOptionError`` for an unknown name, or where ``resources`` lacks what a method needs.
    """
    require_known(names)
    return [METHODS[name](resources) for name in dict.fromkeys(("none", *names))]


__all__ = [
    "DEFAULT_METHODS",
    "METHODS",
    "Compressed",
    "Context",
    "Method",
    "Resources",
    "build_methods",
    "require_known",
]
