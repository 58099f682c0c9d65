"""Which engine is chosen: models, affinity, loads."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from semtoken_server.engines.affinity import bounded, ranked
from semtoken_server.engines.base import EngineRequest
from semtoken_server.engines.breaker import Breaker
from semtoken_server.engines.endpoint import Endpoint
from semtoken_server.engines.routing import Router

KEYS = [b"conversation-%d" % number for number in range(2000)]


def endpoints(count: int) -> list[Endpoint]:
    made = [Endpoint(f"http://10.0.0.{number}:8000", Breaker(1, 10.0)) for number in range(count)]
    for endpoint in made:
        endpoint.healthy = True
    return made


def asking(model: str | None = None, affinity: bytes | None = None) -> EngineRequest:
    return EngineRequest("POST", "/v1/chat/completions", model=model, affinity=affinity)


def chosen(router: Router, request: EngineRequest, tried: Sequence[Endpoint] = ()) -> tuple[Endpoint, str]:
    choice = router.choose(request, tried)
    assert choice is not None
    return choice


def test_conversations_are_shared_out_evenly() -> None:
    firsts = Counter(ranked(key, endpoints(4))[0].name for key in KEYS)
    # 500 each with a standard deviation of 19.
    assert all(400 < count < 600 for count in firsts.values())


def test_an_engine_that_goes_moves_only_its_own_conversations() -> None:
    four = endpoints(4)
    for key in KEYS[:200]:
        before = ranked(key, four)
        after = ranked(key, [endpoint for endpoint in four if endpoint is not before[3]])
        assert after == before[:3]


def test_the_order_does_not_depend_on_the_order_of_the_urls() -> None:
    three = endpoints(3)
    assert all(ranked(key, three) == ranked(key, three[::-1]) for key in KEYS[:100])


@given(
    loads=st.lists(st.integers(0, 1000), min_size=1, max_size=12),
    factor=st.floats(1.0, 10.0, allow_nan=False),
    key=st.binary(max_size=8),
)
def test_nobody_gets_over_its_bound(loads: list[int], factor: float, key: bytes) -> None:
    many = endpoints(len(loads))
    for endpoint, load in zip(many, loads, strict=True):
        endpoint.outstanding = load
    order = ranked(key, many)
    found = bounded(order, factor)
    room = math.ceil(factor * (sum(loads) + 1) / len(loads))
    assert found.outstanding + 1 <= room
    assert all(passed.outstanding >= room for passed in order[: order.index(found)])


def test_a_busy_engine_spills_to_the_next_in_order() -> None:
    many = endpoints(3)
    router = Router(many, 1.25)
    first, second, _ = ranked(b"key", many)
    assert chosen(router, asking(affinity=b"key")) == (first, "affinity")
    first.outstanding = 5
    assert chosen(router, asking(affinity=b"key")) == (second, "spill")


def test_without_affinity_the_fewest_outstanding_decide_and_equals_take_turns() -> None:
    many = endpoints(3)
    router = Router(many, 1.25)
    assert {chosen(router, asking())[0].name for _ in range(3)} == {endpoint.name for endpoint in many}
    many[0].outstanding = many[2].outstanding = 1
    assert chosen(router, asking()) == (many[1], "load")


def test_a_model_goes_only_where_it_is_listed() -> None:
    a, b, unknown = endpoints(3)
    a.models, b.models = {"small": {}}, {"large": {}, "adapter": {}}
    router = Router([a, b], 1.25)
    assert chosen(router, asking("adapter")) == (b, "only")
    assert chosen(router, asking("small", b"key")) == (a, "only")
    assert router.choose(asking("other")) is None
    assert not router.may_serve("other")
    assert router.choose(asking(None)) is not None
    # One that does not tell is asked where no other is known to serve it.
    router = Router([a, b, unknown], 1.25)
    assert chosen(router, asking("other")) == (unknown, "only")
    assert chosen(router, asking("small")) == (a, "only")


def test_a_model_whose_engine_is_down_is_known_all_the_same() -> None:
    a, b = endpoints(2)
    a.models, b.models = {"small": {}}, {"large": {}}
    a.healthy = False
    router = Router([a, b], 1.25)
    assert router.choose(asking("small")) is None
    assert router.may_serve("small")


@pytest.mark.parametrize("affinity", [None, b"key"])
def test_another_engine_is_tried_before_the_same_one(affinity: bytes | None) -> None:
    a, b = endpoints(2)
    router = Router([a, b], 1.25)
    assert chosen(router, asking(affinity=affinity), [a])[0] is b
    assert router.elsewhere(asking(), [a])
    b.healthy = False
    assert not router.elsewhere(asking(), [a])
    assert chosen(router, asking(affinity=affinity), [a]) == (a, "only")


def test_an_open_breaker_is_passed_over() -> None:
    a, b = endpoints(2)
    router = Router([a, b], 1.25)
    a.breaker.failed(False)
    assert {chosen(router, asking())[0].name for _ in range(4)} == {b.name}
    b.breaker.failed(False)
    assert router.choose(asking()) is None
