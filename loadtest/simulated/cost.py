"""What a request costs in the simulated engine.

- **Prefill** takes time in proportion to the prompt tokens that are not in the prefix cache, one prompt at a time.
- **Decode** yields a token of each running answer at a fixed pace.
- **Concurrency** is bounded: more requests than run at once wait for their turn, first come, first served.

Left out: batching of prefills, what prefill costs the running decodes, memory, and pre-emption.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

_BLOCK = 16
_BLOCKS = 65_536


@dataclass(frozen=True, slots=True)
class Cost:
    """Speeds in tokens a second: of all prefills, and of each answer."""

    prefill: float = 2_000.0
    decode: float = 40.0
    running: int = 8

    def __post_init__(self) -> None:
        if min(self.prefill, self.decode, self.running) <= 0:
            raise ValueError(f"speeds and bounds must be positive, got {self}")


@dataclass(slots=True)
class PrefixCache:
    """Blocks of 16 tokens, each known with all before it, as vLLM keeps them; the oldest go first."""

    queries: int = 0
    hits: int = 0
    _known: dict[int, None] = field(default_factory=dict)

    def look_up(self, tokens: Sequence[int]) -> int:
        """How many of the prompt's first tokens are known; all are from now on."""
        found, chain, unbroken = 0, 0, True
        # The last token is always computed: it is what the answer follows.
        for end in range(_BLOCK, len(tokens), _BLOCK):
            chain = hash((chain, *tokens[end - _BLOCK : end]))
            unbroken = unbroken and chain in self._known
            found += _BLOCK * unbroken
            self._known.pop(chain, None)
            self._known[chain] = None
        while len(self._known) > _BLOCKS:
            del self._known[next(iter(self._known))]
        self.queries += len(tokens)
        self.hits += found
        return found


class Machine:
    """Lets requests run, prefill and decode."""

    def __init__(self, cost: Cost) -> None:
        self._cost = cost
        self._slots = asyncio.Semaphore(cost.running)
        self._prefilling = asyncio.Lock()
        self.cache = PrefixCache()

    @asynccontextmanager
    async def running(self, prompt: Sequence[int]) -> AsyncIterator[None]:
        """Entered when the prompt is computed; until the exit a place is taken."""
        async with self._slots:
            async with self._prefilling:
                await asyncio.sleep((len(prompt) - self.cache.look_up(prompt)) / self._cost.prefill)
            yield

    async def token(self) -> None:
        """Wait for an answer's next token."""
        await asyncio.sleep(1 / self._cost.decode)
