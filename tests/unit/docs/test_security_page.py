"""docs/security.md tells the fields of a key as they are, and its example is a file of keys."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

from semtoken_server.access.key_file import read_keys
from semtoken_server.access.keys import ApiKey
from semtoken_server.access.passes import Pass
from semtoken_server.access.rules import OptionRules
from unit.docs.documents import DOCS, blocks, codes, table_rows

PAGE = DOCS / "security.md"
FIELDS = {codes(row["field"])[0]: row for row in table_rows(PAGE, "field", "where it is left out", "meaning")}


def test_every_field_of_a_key_is_documented_and_nothing_else() -> None:
    assert set(FIELDS) == set(ApiKey.model_fields)


def test_what_may_pass_is_documented() -> None:
    assert set(get_args(Pass)) <= set(codes(FIELDS["passes"]["meaning"]))


def test_the_example_is_a_file_of_keys(tmp_path: Path) -> None:
    (example,) = [block for block in blocks(PAGE) if block.language == "yaml"]
    file = tmp_path / "keys.yaml"
    file.write_text(example.text)
    first, second = read_keys(file)
    assert first.options.mode == ("auto", "off")
    assert first.requests_per_minute == 600
    assert second.options == OptionRules.none()
