"""The file of keys."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap

from semtoken_server.access.keys import ApiKey
from semtoken_server.settings import UNREADABLE_YAML, InvalidSettingsError

Fingerprint = tuple[int, int, int]
"""Inode, size and time of change of a file."""


class InvalidKeysError(InvalidSettingsError):
    """The file of keys is not to be had or is wrong; the message repeats no value from it."""


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    keys: tuple[ApiKey, ...]


def fingerprint(path: Path) -> Fingerprint | None:
    """What changes when the file does; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def read_keys(path: Path) -> tuple[ApiKey, ...]:
    """The keys of the YAML file ``path``; raises ``InvalidKeysError``."""
    try:
        keys = _File.model_validate(_plain(path)).keys
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        # Somebody may have put the key itself where its hash belongs.
        raise InvalidKeysError(f"keys file {str(path)!r}: {where}: {first['msg']}") from None
    for what, values in (("name", [key.name for key in keys]), ("sha256", [key.sha256 for key in keys])):
        twice = [keys[index].name for index, value in enumerate(values) if value in values[:index]]
        if twice:
            raise InvalidKeysError(f"keys file {str(path)!r}: {what} of key {twice[0]!r} is there twice")
    return keys


def append_key(path: Path, entry: dict[str, Any]) -> None:
    """Put an entry at the end of the file, comments left as they are; the file is made for its owner alone.

    Raises ``InvalidKeysError`` for a file that is wrong already, and for a name that is there.
    """
    writer = YAML()
    held: Any = CommentedMap()
    if path.exists():
        if any(key.name == entry["name"] for key in read_keys(path)):
            raise InvalidKeysError(f"keys file {str(path)!r}: there is a key named {entry['name']!r}")
        held = writer.load(path)
    else:
        path.touch(mode=0o600)
    held.setdefault("keys", [])
    if not held["keys"]:
        held["keys"] = []
    held["keys"].append(entry)
    # In one step, so that a gateway that looks now sees the old file or the new one.
    fresh = path.with_name(f".{path.name}.new")
    fresh.touch(mode=0o600)
    fresh.chmod(path.stat().st_mode & 0o777)
    with fresh.open("w", encoding="utf-8") as file:
        writer.dump(held, file)
    fresh.replace(path)


def _plain(path: Path) -> Any:
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.MarkedYAMLError as error:
        line = "" if error.problem_mark is None else f" in line {error.problem_mark.line + 1}"
        raise InvalidKeysError(f"keys file {str(path)!r}: not valid YAML{line}") from None
    except (yaml.YAMLError, UnicodeError):
        raise InvalidKeysError(f"keys file {str(path)!r}: not valid YAML") from None
    except OSError as error:
        raise InvalidKeysError(f"keys file {str(path)!r}: {error.strerror}") from error
    except UNREADABLE_YAML:
        # What they say quotes the value.
        told = "a value cannot be read (a date that does not exist?) or is nested too deep"
        raise InvalidKeysError(f"keys file {str(path)!r}: {told}") from None
