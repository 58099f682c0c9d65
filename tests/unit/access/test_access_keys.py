"""Keys: made, hashed, read from their file, found in the same time whatever is offered."""

from __future__ import annotations

import asyncio
import hmac
import logging
import os
import stat
from pathlib import Path
from typing import Any

import pytest
import yaml
from fakes.keys import entry, write_keys
from fakes.serving import eventually
from semtoken_server.access.authentication import Authenticator
from semtoken_server.access.key_file import InvalidKeysError, append_key, read_keys
from semtoken_server.access.keys import ApiKey, anonymous, digest_of, new_key
from semtoken_server.access.store import KeyStore
from semtoken_server.errors import UnauthorizedError
from semtoken_server.metrics import Metrics

SECRET = "sk-semtoken-secret"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "keys.yaml"


def test_keys_are_random_and_long() -> None:
    keys = {new_key() for _ in range(100)}
    assert len(keys) == 100
    assert all(len(key) == len("sk-semtoken-") + 43 for key in keys)


def test_a_key_shows_no_hash() -> None:
    assert digest_of(b"k") not in repr(ApiKey(**entry("k")))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "the file"),
        ("[]", "the file"),
        ("keys: 5", "keys"),
        ("other: []", "keys"),
        ("keys: [{name: a}]", "keys.0.sha256"),
        (f"keys: [{{name: a, sha256: {SECRET}}}]", "keys.0.sha256"),
        (f"keys: [{{name: 'a b', sha256: {'a' * 64}}}]", "keys.0.name"),
        (f"keys: [{{name: a, sha256: {'a' * 64}, rate: 5}}]", "keys.0.rate"),
        (f"keys: [{{name: a, sha256: {'a' * 64}, requests_per_minute: 0}}]", "keys.0.requests_per_minute"),
        (f"keys: [{{name: a, sha256: {'a' * 64}, passes: [kv_transfer_params]}}]", "keys.0.passes"),
        (f"keys: [{{name: a, sha256: {'a' * 64}, options: {{colour: false}}}}]", "keys.0.options.colour"),
        (f"keys: [{{name: a, sha256: {'a' * 64}, options: {{ratio: {{min: 4, max: 2}}}}}}]", "keys.0.options.ratio"),
        (f"keys:\n- name: {SECRET}\n  sha256: [", "not valid YAML in line 3"),
        (f"keys: [{{name: a, sha256: {'a' * 64}, tenant: 2026-02-30}}]", "a value cannot be read"),
        (f"keys: [{{name: a, sha256: !!int {SECRET}}}]", "a value cannot be read"),
        (f"keys: [{{name: a, sha256: !!bool {SECRET}}}]", "a value cannot be read"),
        (f"keys: [{{name: a, sha256: !!timestamp {SECRET}}}]", "a value cannot be read"),
        (f"keys: [{{name: {SECRET}, sha256: !!int ''}}]", "a value cannot be read"),
        ("keys: " + 3000 * "[", "nested too deep"),
    ],
)
def test_a_bad_file_is_told_without_its_values(file: Path, text: str, told: str) -> None:
    file.write_text(text)
    with pytest.raises(InvalidKeysError) as raised:
        read_keys(file)
    assert told in str(raised.value)
    assert SECRET not in str(raised.value)
    assert raised.value.__cause__ is None


def test_a_name_or_a_hash_is_there_once(file: Path) -> None:
    for entries in ([entry("a", "x"), entry("b", "x")], [entry("a", "x"), entry("a", "y")]):
        with pytest.raises(InvalidKeysError, match="is there twice"):
            read_keys(write_keys(file, *entries))


def test_no_file_is_an_error(file: Path) -> None:
    with pytest.raises(InvalidKeysError, match="No such file"):
        KeyStore(file)


def test_an_entry_is_appended_and_comments_stay(file: Path) -> None:
    file.write_text(f"# ours\nkeys:\n  - name: first  # the first\n    sha256: {'b' * 64}\n")
    append_key(file, entry("k", "second"))
    assert [key.name for key in read_keys(file)] == ["first", "second"]
    assert "# ours" in file.read_text()
    assert "# the first" in file.read_text()
    with pytest.raises(InvalidKeysError, match="there is a key named 'second'"):
        append_key(file, entry("l", "second"))


def test_a_new_file_is_its_owners_alone(file: Path) -> None:
    append_key(file, entry("k"))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [key.name for key in read_keys(file)] == ["client"]
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_a_key_is_found_and_no_other(file: Path) -> None:
    store = KeyStore(write_keys(file, entry("one", "a"), entry("two", "b")))
    found = store.find(b"two")
    assert found is not None
    assert found.name == "b"
    assert store.find(b"three") is store.find(b"") is store.find(b"\xff" * 10_000) is None


@pytest.mark.parametrize("offered", [b"key-0", b"key-5", b"key-9", b"wrong"])
def test_every_key_is_compared_whichever_is_offered(file: Path, offered: bytes) -> None:
    compared: list[tuple[str, str]] = []

    def equal(one: str, other: str) -> bool:
        compared.append((one, other))
        return hmac.compare_digest(one, other)

    entries = [entry(f"key-{number}", f"n{number}") for number in range(10)]
    KeyStore(write_keys(file, *entries), equal=equal).find(offered)
    assert compared == [(made["sha256"], digest_of(offered)) for made in entries]


def test_the_comparison_is_the_constant_time_one(file: Path) -> None:
    assert KeyStore(write_keys(file))._equal is hmac.compare_digest


def test_a_bad_file_leaves_the_old_keys(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = KeyStore(write_keys(file, entry("one")))
    for text in (f"keys: {SECRET}", f"- {SECRET}: ["):
        file.write_text(text)
        with caplog.at_level(logging.INFO, "semtoken_server"):
            assert not store.reload()
        assert store.find(b"one") is not None
    file.unlink()
    assert not store.reload()
    assert store.find(b"one") is not None
    assert caplog.text.count("the keys stay as they were") >= 2
    assert SECRET not in caplog.text
    write_keys(file, entry("two"))
    assert store.reload()
    assert store.find(b"one") is None
    assert store.find(b"two") is not None


async def test_a_changed_file_is_read_again(file: Path) -> None:
    store = KeyStore(write_keys(file, entry("one")), interval_s=0.01)
    watching = asyncio.create_task(store.watch())
    try:
        # Replaced in one step, as an editor or a secret's mount does it.
        fresh = write_keys(file.with_name("fresh"), entry("two"))
        os.replace(fresh, file)
        await eventually(lambda: store.find(b"two") is not None)
        assert store.find(b"one") is None
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


def write_text(file: Path, text: str) -> None:
    file.write_text(text)


async def test_no_fault_of_the_file_ends_the_watch(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = KeyStore(write_keys(file, entry("one")), interval_s=0.01)
    watching = asyncio.create_task(store.watch())
    try:
        write_text(file, "keys: [{name: a, tenant: 2026-02-30}]")
        await eventually(lambda: "the keys stay as they were" in caplog.text)
        assert store.find(b"one") is not None
        write_keys(file, entry("two"))
        await eventually(lambda: store.find(b"one") is None)
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


class Faulty(KeyStore):
    """Fails once to read its file, with what nobody has thought of."""

    failed = False

    def reload(self) -> bool:
        if not self.failed:
            self.failed = True
            raise RuntimeError(SECRET)
        return super().reload()


async def test_no_fault_of_our_own_ends_the_watch(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = Faulty(write_keys(file, entry("one")), interval_s=0.01)
    watching = asyncio.create_task(store.watch())
    try:
        write_keys(file, entry("two"))
        await eventually(lambda: store.find(b"two") is not None)
        assert "reading them failed with RuntimeError" in caplog.text
        assert SECRET not in caplog.text
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        ([(b"authorization", b"Bearer one")], True),
        ([(b"authorization", b"bEARER  one ")], True),
        ([(b"x-api-key", b"one")], True),
        ([(b"x-api-key", b"two"), (b"authorization", b"Bearer one")], True),
        ([(b"x-api-key", b"one"), (b"authorization", b"Bearer two")], False),
        ([(b"authorization", b"Basic one"), (b"x-api-key", b"one")], True),
        ([(b"authorization", b"one")], False),
        ([(b"authorization", b"Bearer")], False),
        ([(b"authorization", b"Bearer ")], False),
        ([(b"authorization", b"Bearer one two")], False),
        ([(b"x-api-key", b"")], False),
        ([], False),
    ],
)
def test_where_a_key_is_looked_for(file: Path, headers: list[tuple[bytes, bytes]], found: bool) -> None:
    metrics = Metrics()
    nobody = anonymous(frozenset())
    authenticator = Authenticator(KeyStore(write_keys(file, entry("one"))), nobody, metrics)
    if found:
        assert authenticator.key_of(headers).name == "client"
        return
    with pytest.raises(UnauthorizedError) as raised:
        authenticator.key_of(headers)
    assert "two" not in str(raised.value)
    assert metrics.auth_failures._value.get() == 1.0
    assert Authenticator(None, nobody, metrics).key_of(headers) is nobody


def test_a_key_has_a_tenant_of_its_own_unless_it_is_told() -> None:
    tenants: list[Any] = [ApiKey(**entry("k", "a")), ApiKey(**entry("k", "a", tenant="x")), anonymous(frozenset())]
    assert [key.cache_tenant for key in tenants] == ["a", "x", ""]


def test_the_hash_is_taken_in_either_case(file: Path) -> None:
    made = entry("one")
    file.write_text(yaml.safe_dump({"keys": [{**made, "sha256": made["sha256"].upper()}]}))
    assert KeyStore(file).find(b"one") is not None
