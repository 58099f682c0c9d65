"""The one prompt that every method gets its compressed context put into."""

from __future__ import annotations

from dataclasses import dataclass, field

from semtoken.datamodels import FloatArray

Message = dict[str, str]

_INSTRUCTION = (
    "Answer the question using only the text below. Reply with the answer alone, in as few words as possible."
)


@dataclass(frozen=True, slots=True)
class QaPrompt:
    """A context and a question about it."""

    context: str = field(repr=False)
    question: str
    vectors: FloatArray | None = field(default=None, repr=False)
    """(n, d) input embeddings that a model reads in place of the context's tokens."""

    @property
    def messages(self) -> list[Message]:
        """The prompt as a chat of one user message."""
        return [{"role": "user", "content": self.text}]

    @property
    def text(self) -> str:
        """The prompt as text."""
        return f"{_INSTRUCTION}\n\nText:\n{self.context}\n\nQuestion: {self.question}"
