"""``python -m fuzz TARGET [libFuzzer's arguments]``: fuzz a target of this package under atheris.

An input that a target does not stand is written to ``build/fuzz``, whether or not libFuzzer writes one too
(it did not always, where the exception was Python's).
"""

from __future__ import annotations

import importlib
import sys
from hashlib import sha1
from pathlib import Path

import atheris

INSTRUMENTED = ["semtoken.segment", "semtoken_server.rewrite", "semtoken_server.sse"]
"""What coverage is measured of; the rest of the libraries would only slow it down."""
FOUND = Path("build/fuzz")


def main(name: str, arguments: list[str]) -> None:
    """Fuzz the target ``name`` until the arguments say to stop, or an input fails."""
    with atheris.instrument_imports(include=INSTRUMENTED):
        target = importlib.import_module(f"fuzz.{name}")

    def checked(data: bytes) -> None:
        try:
            target.check(data)
        except Exception:
            FOUND.mkdir(parents=True, exist_ok=True)
            (FOUND / f"{name}-{sha1(data, usedforsecurity=False).hexdigest()}").write_bytes(data)
            raise

    atheris.Setup([sys.argv[0], *arguments], checked)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
