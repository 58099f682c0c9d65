"""Streams read in threads, each to its end."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any

import httpx
from integration.lifecycle.conftest import CHAT, chat


@dataclass
class Stream:
    """What came of one stream."""

    url: str
    tokens: int
    began: threading.Event = field(default_factory=threading.Event)
    status: int = 0
    text: str = ""
    fault: str = ""
    """Why it was not read to the end of the response, as HTTP has it."""

    def __post_init__(self) -> None:
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()
        assert self.began.wait(60), "no stream began"

    @property
    def whole(self) -> bool:
        return self.text.count('"delta"') == self.tokens and self.text.endswith("data: [DONE]\n\n")

    def finished(self) -> Stream:
        self.thread.join(60)
        assert not self.thread.is_alive(), "a stream never ended"
        return self

    def _read(self) -> None:
        body: dict[str, Any] = chat(self.tokens)
        try:
            with (
                httpx.Client(trust_env=False, timeout=60) as client,
                client.stream("POST", self.url + CHAT, json=body) as answer,
            ):
                self.status = answer.status_code
                for chunk in answer.iter_text():
                    self.text += chunk
                    self.began.set()
        except httpx.HTTPError as error:
            self.fault = repr(error)
        finally:
            self.began.set()
