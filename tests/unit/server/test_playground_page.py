"""The playground's page as it is served: whole, closed, and part of the package."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import subprocess
import sys
import zipfile
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path

import pytest
from semtoken_server.playground.page import _SCRIPTS, _STYLES, page
from semtoken_server.routes.playground import playground

ROOT = Path(__file__).resolve().parents[3]
PARTS = files("semtoken_server.playground")


class _Elements(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.attributes: list[tuple[str, str, str]] = []
        self.contents: list[tuple[str, str]] = []
        self._open = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._open = f"{tag}:{dict(attrs).get('type', '')}"
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        if self._open.startswith(("style", "script")):
            self.contents.append((self._open, data))
            self._open = ""


def elements() -> _Elements:
    parsed = _Elements()
    parsed.feed(page().html.decode())
    return parsed


def content(kind: str) -> str:
    (found,) = [text for opened, text in elements().contents if opened == kind]
    return found


def directives() -> dict[str, str]:
    return {name: value for name, _, value in (part.partition(" ") for part in page().policy.split("; "))}


@pytest.mark.parametrize(("directive", "kind"), [("style-src", "style:"), ("script-src", "script:module")])
def test_the_policy_allows_what_the_page_holds_and_nothing_else(directive: str, kind: str) -> None:
    digest = hashlib.sha256(content(kind).encode()).digest()
    assert directives()[directive] == f"'sha256-{base64.b64encode(digest).decode()}'"


def test_the_policy_starts_from_nothing() -> None:
    assert directives()["default-src"] == "'none'"
    assert "unsafe" not in page().policy
    assert directives()["frame-ancestors"] == directives()["form-action"] == directives()["base-uri"] == "'none'"


def test_the_page_names_no_other_place() -> None:
    urls = {value for _, name, value in elements().attributes if name in ("src", "href", "action", "srcset", "style")}
    assert {url.split(",")[0] for url in urls} == {"#text", "data:image/svg+xml"}
    assert not [name for _, name, _ in elements().attributes if name.startswith("on")]
    assert set(re.findall(r"https?://[\w./]+", content("script:module"))) == {"http://www.w3.org/2000/svg"}
    assert "url(" not in content("style:")
    assert "@import" not in content("style:")


def test_the_script_has_no_way_to_make_markup_of_text() -> None:
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function", content("script:module")
    )


def test_the_samples_are_texts_with_questions() -> None:
    raw = content("script:application/json")
    assert "<" not in raw
    samples = json.loads(raw)
    assert [set(sample) for sample in samples] == [{"title", "text", "question"}] * 3


def test_every_part_is_in_the_page() -> None:
    for folder, names, suffix in (("styles", _STYLES, "css"), ("scripts", _SCRIPTS, "js")):
        assert {path.name for path in (PARTS / folder).iterdir()} == {f"{name}.{suffix}" for name in names}


async def test_the_answer_s_headers() -> None:
    headers = (await playground()).headers
    assert headers["content-type"] == "text/html; charset=utf-8"
    assert headers["content-security-policy"] == page().policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"


def test_the_wheel_holds_every_part(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=300)
    (wheel,) = tmp_path.glob("*.whl")
    packed = set(zipfile.ZipFile(wheel).namelist())
    for folder, names, suffix in (("styles", _STYLES, "css"), ("scripts", _SCRIPTS, "js")):
        assert {f"semtoken_server/playground/{folder}/{name}.{suffix}" for name in names} <= packed
    assert "semtoken_server/playground/page.html" in packed
