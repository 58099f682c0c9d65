"""The library's front door."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from semtoken.caching import WindowCache
from semtoken.datamodels import CompressionResult, FloatArray, Reason
from semtoken.deadline import Deadline
from semtoken.encoders import Encoder
from semtoken.encoders.loading import load_encoder
from semtoken.encoders.tiles import OnBatch, ignore
from semtoken.errors import InvalidInputError
from semtoken.messages import ChatCompressor, MessagesResult
from semtoken.options import CompressionOptions
from semtoken.pipeline import Document, Pipeline
from semtoken.realise import Embedder
from semtoken.tokenizer import ServedTokenizer
from semtoken.untouched import left_alone

DEFAULTS = CompressionOptions()


class Compressor:
    """Compresses texts and chats for one served model; blocking and heavy on the processor.

    Several threads may use it at once: what they have to encode then runs together.
    """

    def __init__(
        self,
        encoder: Encoder,
        tokenizer: ServedTokenizer,
        embedder: Embedder | None = None,
        *,
        deadline: Deadline | None = None,
        tenant: str = "",
    ) -> None:
        self._pipeline = Pipeline(encoder, tokenizer, embedder, deadline, tenant)
        self._chat = ChatCompressor(self._pipeline)

    def within(self, deadline: Deadline) -> Self:
        """The same compressor, whose calls raise ``DeadlineExceededError`` once ``deadline`` is over."""
        made = self._pipeline
        return type(self)(made.encoder, made.tokenizer, made.embedder, deadline=deadline, tenant=made.tenant)

    @classmethod
    def from_pretrained(
        cls,
        encoder: str | Path,
        tokenizer: str | Path,
        device: str = "auto",
        model: str | Path | None = None,
        cache: WindowCache | None = None,
        runtime: str = "auto",
        gpu_memory_mib: int | None = None,
        on_batch: OnBatch = ignore,
    ) -> Self:
        """Load an encoder and the served model's tokenizer from folders or hub names.

        The encoder ``static`` is the one that ``semtoken models prepare --static`` makes.
        ``device`` is ``auto``, ``cpu`` or ``cuda``. ``model`` is the served model's folder; only the
        embeddings realisation needs it, and opens it when it is asked for. What ``cache`` holds is not
        encoded again. ``runtime`` is ``auto``, ``torch`` or ``openvino``. ``gpu_memory_mib`` is the most that
        the encoder may take of a GPU, and ``on_batch`` is told the tokens of every batch that it encodes.
        Raises ``ModelNotFoundError``.
        """
        return cls(
            load_encoder(
                encoder, device=device, runtime=runtime, gpu_memory_mib=gpu_memory_mib, on_batch=on_batch, cache=cache
            ),
            ServedTokenizer.from_pretrained(tokenizer),
            Embedder(model),
        )

    def for_tenant(self, tenant: str) -> Self:
        """The same compressor for one tenant's texts: no cache entry is shared with another tenant.

        So nobody can tell by the time it takes what somebody else has sent.
        """
        made = self._pipeline
        return type(self)(made.encoder, made.tokenizer, made.embedder, deadline=made.deadline, tenant=tenant)

    @property
    def tokenizer(self) -> ServedTokenizer:
        """The served model's tokenizer."""
        return self._pipeline.tokenizer

    @property
    def fingerprint(self) -> str:
        """What compressed forms depend on beside text and options: encoder and tokenizer."""
        return f"{self._pipeline.encoder.fingerprint}:{self.tokenizer.fingerprint}"

    def embed(self, token_ids: Sequence[int]) -> FloatArray:
        """Input embeddings (tokens, d) of token ids, as the served model takes them in their place.

        Raises ``InvalidOptionError`` where the model's table is not to be had, and ``InvalidInputError``
        for an id that it does not hold.
        """
        return self._pipeline.embedder.embed(token_ids)

    def compress(
        self, text: str, query: str | None = None, options: CompressionOptions = DEFAULTS
    ) -> CompressionResult:
        """Compress one text, as far as the options say.

        ``query`` wins over ``options.query``; ``""`` is none. The whole text may be compressed:
        only ``protect`` and keep tags pin. ``mode`` counts only if it is ``off``. Raises
        ``InvalidInputError`` and ``EncoderError``.
        """
        return self.compress_batch([text], [query], options)[0]

    def compress_batch(
        self,
        texts: Sequence[str],
        queries: Sequence[str | None] | None = None,
        options: CompressionOptions = DEFAULTS,
    ) -> list[CompressionResult]:
        """Compress texts together; each result is what :meth:`compress` gives for it alone."""
        asked = list(queries) if queries is not None else [None] * len(texts)
        if len(asked) != len(texts):
            raise InvalidInputError(f"{len(texts)} texts, but {len(asked)} queries", param="queries")
        wanted = [options.query if query is None else query for query in asked]
        if options.mode == "off":
            return [left_alone(text, self.tokenizer, Reason.MODE_OFF, keep_tags=options.keep_tags) for text in texts]
        distinct = sorted({query for query in wanted if query})
        analyses, encoded = self._pipeline.analyse([Document(text) for text in texts], distinct, options)
        vectors = dict(zip(distinct, encoded, strict=True))
        return [
            self._pipeline.compress(
                analysis,
                vectors.get(query or ""),
                options,
                budget=_budget(analysis.tokens, options),
                exact=options.target_tokens is not None,
            )
            for analysis, query in zip(analyses, wanted, strict=True)
        ]

    def compress_prompt(self, prompt: str, options: CompressionOptions = DEFAULTS) -> CompressionResult:
        """Compress a prompt for plain completion: as the only user message of a chat.

        Its question and instructions are found and pinned, and ``mode`` counts.
        """
        return self._chat.compress_prompt(prompt, options)

    def compress_messages(
        self,
        messages: Sequence[Mapping[str, Any]],
        options: CompressionOptions = DEFAULTS,
        tools: Sequence[Mapping[str, Any]] | None = None,
    ) -> MessagesResult:
        """Compress an OpenAI message list, turn-causally.

        A message's form depends only on the messages up to the end of its own run of one role, on
        the options and on the encoder: appending a message of another role never changes it.
        ``tools`` only count towards the totals. Raises ``InvalidInputError`` and ``EncoderError``.
        """
        return self._chat.compress(messages, options, tools)


def _budget(tokens: int, options: CompressionOptions) -> int:
    if options.target_tokens is not None:
        return min(tokens, options.target_tokens)
    return max(1, round(tokens / options.ratio))
