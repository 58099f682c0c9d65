"""A real encoder of random weights before and behind a cache."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from fakes.encoders import small_tokenizer
from fakes.stores import DictStore, Events
from fakes.texts import document, rag
from fakes.tiny_models import make_encoder
from semtoken import CompressionResult, Compressor, EncoderError
from semtoken.caching import Key, MemoryStore, Window, WindowCache
from semtoken.caching.window_cache import BATCH, window_keys
from semtoken.datamodels import Encoding, FloatArray, IntArray
from semtoken.deadline import Deadline
from semtoken.encoders import EncoderInput
from semtoken.encoders.base import Encoder
from semtoken.encoders.transformer import TransformerEncoder
from semtoken.errors import DeadlineExceededError
from semtoken.segment import segment

TEXTS = [document(40), rag(30), "A short one.", document(25, needle=False), ""]


def given(text: str, tenant: str = "") -> EncoderInput:
    return EncoderInput(text, segment(text).starts, tenant)


def same(one: list[Encoding], other: list[Encoding]) -> bool:
    return all(
        getattr(a, name).tobytes() == getattr(b, name).tobytes()
        for a, b in zip(one, other, strict=True)
        for name in Encoding.__slots__
    )


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_encodings_are_the_same_with_and_without_alone_and_in_a_batch(dtype: str) -> None:
    inputs = [given(text) for text in TEXTS]
    wanted = make_encoder(dtype=dtype).encode(inputs)
    events = Events()
    cached = make_encoder(WindowCache(MemoryStore(2**24, events), events), dtype=dtype)
    assert same(cached.encode(inputs[:1]), wanted[:1])
    assert events.taken().keys() == {"miss"}
    assert same(cached.encode(inputs), wanted)  # partly kept, in one batch
    assert events.taken().keys() == {"hit", "miss"}
    for item, encoding in zip(inputs, wanted, strict=True):
        assert same(cached.encode([item]), [encoding])
    assert events.taken().keys() == {"hit"}


def test_a_store_with_hardly_any_room_changes_nothing_either() -> None:
    inputs = [given(text) for text in TEXTS] * 2
    events = Events()
    cached = make_encoder(WindowCache(MemoryStore(70_000, events), events))
    for _ in range(2):
        assert same(cached.encode(inputs), make_encoder().encode(inputs))
    assert events.taken()["evicted"] > 0


def forms(encoder: Encoder, texts: list[str]) -> list[CompressionResult]:
    return Compressor(encoder, small_tokenizer()).compress_batch(texts, ["Who sold the mill?"] * len(texts))


def test_compressed_forms_are_the_same() -> None:
    cached = make_encoder(WindowCache(MemoryStore(2**24)))
    wanted = forms(make_encoder(), TEXTS)
    for _ in range(2):
        for one, other in zip(forms(cached, TEXTS), wanted, strict=True):
            assert (one.text, one.token_ids, one.spans, one.kept) == (
                other.text,
                other.token_ids,
                other.spans,
                other.kept,
            )


def test_another_question_in_the_same_message_encodes_little() -> None:
    events = Events()
    cached = make_encoder(WindowCache(MemoryStore(2**24, events), events))
    cached.encode([given(f"{document(60)}\n\nWho sold the mill?")])
    whole = events.taken()["miss"]
    cached.encode([given(f"{document(60)}\n\nIn which year did Hana draw the tower?")])
    assert events.taken()["miss"] <= 2 < whole // 4


def test_tenants_share_nothing() -> None:
    events = Events()
    cached = make_encoder(WindowCache(MemoryStore(2**24, events), events))
    texts = Compressor(cached, small_tokenizer(), tenant="a")
    texts.compress(TEXTS[0])
    misses = events.taken()
    texts.for_tenant("b").compress(TEXTS[0])
    assert events.taken() == misses
    texts.for_tenant("a").within(Deadline.after(600)).compress(TEXTS[0])
    assert events.taken() == {"hit": misses["miss"]}


def test_a_deadline_that_is_over_leaves_nothing_behind() -> None:
    store = DictStore()
    texts = Compressor(make_encoder(WindowCache(store)), small_tokenizer())
    with pytest.raises(DeadlineExceededError):
        texts.within(Deadline.after(0)).for_tenant("a").compress(TEXTS[0])
    assert store.values == {}


def test_tenants_in_one_batch_share_nothing_and_come_to_the_same() -> None:
    events = Events()
    cached = make_encoder(WindowCache(MemoryStore(2**24, events), events))
    one, other = cached.encode([given(TEXTS[0], "a"), given(TEXTS[0], "b")])
    assert same([one], [other])
    both = events.taken()["miss"]
    cached.encode([given(TEXTS[0], "c"), given(TEXTS[0], "c")])
    assert events.taken()["miss"] == both // 2


def test_encoders_share_nothing_unless_they_are_the_same() -> None:
    events = Events()
    cache = WindowCache(MemoryStore(2**24, events), events)
    make_encoder(cache, weights=1).encode([given(TEXTS[0])])
    events.taken()
    make_encoder(cache, weights=2).encode([given(TEXTS[0])])
    assert "hit" not in events.taken()
    make_encoder(cache, weights=1).encode([given(TEXTS[0])])
    assert "miss" not in events.taken()


def test_no_key_tells_another_apart_only_by_where_its_parts_meet() -> None:
    keys = window_keys([Window(np.array([1, 2]), "ab"), Window(np.array([1, 2]), "a"), Window(np.array([1]), "a")], "m")
    keys += window_keys([Window(np.array([1, 2]), "")], "mab")
    assert len(set(keys)) == 4
    assert len({key.seal for key in keys}) == 4


def test_nothing_of_the_text_is_kept() -> None:
    store = DictStore()
    encoder = make_encoder(WindowCache(store))
    [encoding] = encoder.encode([given(TEXTS[0])])
    kept = b"".join(store.values) + b"".join(store.values.values())
    ids = encoding.token_ids[:4]
    for told in (b"Dilara", b"dilara", b"bridge", b"7316"):
        assert told not in kept
    for width in ("<u1", "<u2", "<u4", "<u8", ">u2", ">u4", ">u8"):
        assert ids.astype(width).tobytes() not in kept
    assert sum(map(len, store.values.values())) == 4 * encoding.vectors.size + 10 * len(store.values)


@pytest.mark.parametrize("damage", [lambda v: v[:-1], lambda v: b"", lambda v: b"\xff" * len(v), lambda v: v + v])
def test_what_cannot_be_read_is_encoded_again_and_put_right(damage: object) -> None:
    assert callable(damage)
    store, events = DictStore(), Events()
    encoder = make_encoder(WindowCache(store, events))
    wanted = encoder.encode([given(TEXTS[0])])
    sound = dict(store.values)
    store.values = {name: damage(value) for name, value in sound.items()}
    events.taken()
    assert same(encoder.encode([given(TEXTS[0])]), wanted)
    assert events.taken() == {"corrupt": len(sound), "miss": len(sound)}
    assert store.values == sound


def test_all_that_is_missing_is_encoded_at_once() -> None:
    calls: list[int] = []

    def encode(windows: list[IntArray]) -> list[FloatArray]:
        calls.append(len(windows))
        return [np.repeat(ids[:, None], 2, axis=1).astype(np.float32) for ids in windows]

    store = DictStore()
    windows = [Window(np.array([n, n + 1])) for n in range(3 * BATCH)]
    cache = WindowCache(store)
    cache.vectors(windows[::3], encode, model="m", width=2)
    found = cache.vectors([*windows, *windows], encode, model="m", width=2)
    assert calls == [BATCH, 2 * BATCH]
    assert all((vectors[:, 0] == window.ids).all() for vectors, window in zip(found, windows * 2, strict=True))
    assert max(store.asked) == BATCH


def test_a_failing_encoder_leaves_nothing_behind() -> None:
    def fail(_windows: list[IntArray]) -> list[FloatArray]:
        raise EncoderError("out of memory")

    store = DictStore()
    with pytest.raises(EncoderError, match="out of memory"):
        WindowCache(store).vectors([Window(np.array([1]))], fail, model="m", width=2)
    assert store.values == {}


def test_threads_may_encode_at_once_and_none_waits_for_another() -> None:
    """Each of two threads stands inside ``encode`` until both do: a lock held meanwhile would end in a timeout."""
    both = threading.Barrier(2, timeout=20)

    def encode(windows: list[IntArray]) -> list[FloatArray]:
        both.wait()
        return [np.ones((len(ids), 2), dtype=np.float32) for ids in windows]

    cache = WindowCache(MemoryStore(2**20))
    window = [Window(np.array([1, 2, 3]))]
    with ThreadPoolExecutor(2) as pool:
        runs = [pool.submit(cache.vectors, window, encode, model="m", width=2) for _ in range(2)]
        assert all(run.result(timeout=30)[0].shape == (3, 2) for run in runs)


def test_threads_share_a_small_store_and_come_to_the_same() -> None:
    def one(encoder: TransformerEncoder, turn: int) -> bool:
        mine = [inputs[(turn + step) % len(inputs)] for step in range(3)]
        places = [(turn + step) % len(inputs) for step in range(3)]
        return same(encoder.encode(mine), [wanted[place] for place in places])

    inputs = [given(text) for text in TEXTS]
    wanted = make_encoder().encode(inputs)
    encoder = make_encoder(WindowCache(MemoryStore(150_000)))
    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(lambda turn: one(encoder, turn), range(40)))


def test_keys_are_equal_by_their_name() -> None:
    assert Key(b"a", b"1") == Key(b"a", b"2")
    assert "seal" not in repr(Key(b"a", b"secret"))
