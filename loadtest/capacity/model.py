"""The model: seconds that a request takes of a gateway, an encoder and an engine, and how many of each a rate needs.

Each is a server that is busy for so long with each request: ``rate * seconds`` of them are busy on average, and that
share of ``utilisation`` is asked of each, since at 1 queues grow without end.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

BYTES_PER_TOKEN = 4.5
"""Of English prose, JSON around it included."""


@dataclass(frozen=True, slots=True)
class Load:
    """What comes in."""

    rate: float
    """Requests in a second."""
    prompt_tokens: float
    output_tokens: float
    ratio: float = 1.0
    """Original over forwarded tokens; 1: nothing is compressed."""

    @property
    def forwarded_tokens(self) -> float:
        """Tokens of a prompt that the engine gets."""
        return self.prompt_tokens / self.ratio


@dataclass(frozen=True, slots=True)
class GatewayCost:
    """Seconds of processor time."""

    request_s: float
    event_s: float
    """For each event of a stream, which is a token where the engine sends each by itself."""
    byte_s: float

    def seconds(self, load: Load) -> float:
        """For a streamed request; one core, since a gateway's process has one event loop."""
        return self.request_s + self.event_s * load.output_tokens + self.byte_s * BYTES_PER_TOKEN * load.prompt_tokens


@dataclass(frozen=True, slots=True)
class EncoderCost:
    """An encoder as it was measured, on so many cores or on a GPU."""

    tokens_per_s: float

    def seconds(self, load: Load) -> float:
        """For a request of which nothing is in the cache."""
        return load.prompt_tokens / self.tokens_per_s if load.ratio > 1 else 0.0


@dataclass(frozen=True, slots=True)
class EngineCost:
    """Prefill grows with the prompt and, by attention, with its square; a step of decoding with the context."""

    token_s: float
    token2_s: float
    step_s: float
    """A step of decoding, which all sequences of a batch share."""
    context_s: float
    """For each token of context of each sequence in a step."""

    def prefill_s(self, tokens: float) -> float:
        """For a prompt of so many tokens, none of them in the prefix cache."""
        return self.token_s * tokens + self.token2_s * tokens**2

    def decode_s(self, context: float, output_tokens: float, batch: float = 1.0) -> float:
        """For one answer; its first token comes with the prefill."""
        return max(output_tokens - 1, 0) * (self.step_s / batch + self.context_s * context)

    def seconds(self, load: Load, batch: float) -> float:
        """For a request, with ``batch`` sequences decoded together."""
        forwarded = load.forwarded_tokens
        return self.prefill_s(forwarded) + self.decode_s(forwarded, load.output_tokens, batch)


@dataclass(frozen=True, slots=True)
class Needed:
    """Whole numbers of each, for one load."""

    gateways: int
    """Processes, one core each."""
    encoders: int
    engines: int


def needed(
    load: Load, gateway: GatewayCost, encoder: EncoderCost, engine: EngineCost, *, batch: float, utilisation: float
) -> Needed:
    """How many of each carry ``load`` at ``utilisation``, 0 to 1."""

    def count(seconds: float) -> int:
        # Rounded, so that eight and the last bit of a float are not nine.
        return math.ceil(round(load.rate * seconds / utilisation, 9))

    return Needed(count(gateway.seconds(load)), count(encoder.seconds(load)), count(engine.seconds(load, batch)))
