"""Files of API keys."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from semtoken_server.access.keys import digest_of


def entry(key: str, name: str = "client", **fields: Any) -> dict[str, Any]:
    """The entry of a key in the file."""
    return {"name": name, "sha256": digest_of(key.encode()), **fields}


def write_keys(path: Path, *entries: dict[str, Any]) -> Path:
    """A file with these keys."""
    path.write_text(yaml.safe_dump({"keys": list(entries)}))
    return path
