"""Writes single settings into a YAML file that a person keeps, comments and order left as they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.error import YAMLError

from semtoken_server.settings import InvalidSettingsError


def set_minimum(path: Path, tokens: int) -> None:
    """Set ``compression.min_tokens``; the file is made where there is none.

    Raises ``InvalidSettingsError`` for a file that cannot be read or holds something else.
    """
    yaml = YAML()
    settings = _read(yaml, path)
    compression = settings.setdefault("compression", CommentedMap())
    if not isinstance(compression, dict):
        raise InvalidSettingsError(f"settings file {str(path)!r}: compression is no mapping (got {compression!r:.80})")
    compression["min_tokens"] = tokens
    with path.open("w", encoding="utf-8") as file:
        yaml.dump(settings, file)


def _read(yaml: YAML, path: Path) -> dict[str, Any]:
    if not path.exists():
        return CommentedMap()
    try:
        found = yaml.load(path)
    except (YAMLError, OSError, UnicodeError) as error:
        raise InvalidSettingsError(f"settings file {str(path)!r}: {error}") from error
    if found is None:
        return CommentedMap()
    if not isinstance(found, dict):
        raise InvalidSettingsError(f"settings file {str(path)!r} is no mapping (got {found!r:.80})")
    return found
