"""The playground put together: one page that loads nothing else, and the policy that holds it to that."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from string import Template

import orjson
from semtoken.evaluation.bundled import bundled_demo, bundled_records, bundled_structured

_PARTS = files("semtoken_server.playground")
_STYLES = ("theme", "controls", "layout", "spans")
# One script: a file may use what those before it define, and the last starts it all.
_SCRIPTS = (
    "dom", "words", "offsets", "requests", "spans", "result", "answers", "exposition", "charts", "input", "models",
    "theme", "main",
)  # fmt: skip
_STORY = "bundled/mad-tea-party/1"
_LOG_QUESTION = "Which error occurred, and when?"


@dataclass(frozen=True, slots=True)
class Page:
    """The document and its ``Content-Security-Policy``."""

    html: bytes
    policy: str


@cache
def page() -> Page:
    """The page, made once; nothing in it depends on a request."""
    styles = "\n" + _joined("styles", _STYLES, "css")
    script = "\n" + _joined("scripts", _SCRIPTS, "js")
    html = Template(_text("page.html")).substitute(styles=styles, script=script, samples=_samples())
    return Page(html.encode(), _policy(styles, script))


def _joined(folder: str, names: tuple[str, ...], suffix: str) -> str:
    return "\n".join(_text(f"{folder}/{name}.{suffix}") for name in names)


def _text(path: str) -> str:
    return (_PARTS / path).read_text(encoding="utf-8")


def _samples() -> str:
    """Public-domain texts with a question each, as JSON that cannot end the element it stands in."""
    talks = bundled_demo()
    story = next(record for record in bundled_records() if record["id"] == _STORY)
    samples = [
        {"title": "Conference talks", "text": talks.document, "question": talks.question},
        {"title": "A story", "text": story["context"], "question": story["question"]},
        {"title": "A server log", "text": bundled_structured()["service.log"], "question": _LOG_QUESTION},
    ]
    return orjson.dumps(samples).decode().replace("<", "\\u003c")


def _policy(styles: str, script: str) -> str:
    """Only this style and this script, requests only to this gateway, and no text ever taken for markup."""
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src '{_hash(script)}'",
            f"style-src '{_hash(styles)}'",
            "connect-src 'self'",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        )
    )


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
