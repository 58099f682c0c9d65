"""What a document is mostly about: the query-free twin of retrieval by embeddings."""

from __future__ import annotations

from semtoken.datamodels import Encoding, FloatArray
from semtoken.evaluation.methods.embedding import Embedding


class Centroid(Embedding):
    """Keeps whole sentences by their cosine with the document's mean token vector, question or not."""

    name = "centroid"

    def _target(self, document: Encoding, question: str | None) -> FloatArray:
        return super()._target(document, None)
