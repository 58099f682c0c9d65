"""Token ids in the place of others that stand for the same text."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from semtoken_server.token_chats.splice import spliced

FREE = st.lists(st.integers(0, 3), max_size=8)
SOUGHT = ([10, 11, 11, 2**31], [10, 11, 12], [13])


@given(st.lists(FREE, min_size=4, max_size=4), st.lists(FREE, min_size=3, max_size=3))
def test_ids_stand_where_the_text_s_own_stood(between: list[list[int]], ids: list[list[int]]) -> None:
    rendered, expected = list(between[0]), list(between[0])
    for sought, new, rest in zip(SOUGHT, ids, between[1:], strict=True):
        rendered += [*sought, *rest]
        expected += [*new, *rest]
    assert spliced(rendered, zip(SOUGHT, ids, strict=True)) == expected


def test_what_is_not_there_leaves_the_rest_as_it_is() -> None:
    assert spliced([1, 10, 11, 2], [([10, 12], [5]), ([10, 11], [6]), ([2], [7])]) == [1, 6, 7]
    assert spliced([1, 10, 11, 2], [([10, 11], [6]), ([1], [5])]) == [1, 6, 2]
    assert spliced([1, 2], [([], [5])]) == [1, 2]
    assert spliced([], [([1], [5])]) == []


def test_ids_are_found_whole() -> None:
    # The bytes of 256 stand across those of 65536 and 1.
    assert spliced([65536, 1, 256], [([256], [5])]) == [65536, 1, 5]
    assert spliced([10, 10, 11], [([10, 11], [5])]) == [10, 5]
