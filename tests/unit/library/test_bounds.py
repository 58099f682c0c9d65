"""The search for a form within a bound, over numbers alone."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st
from semtoken import CompressionOptions, Reason
from semtoken.messages.bounds import ATTEMPTS, STEPS, Scale, bound_of, closest, mildest


@dataclass
class Sizes:
    """A prompt that is as long as its ratio says, but for what is pinned and what seams add."""

    texts: tuple[int, ...]
    fixed: int = 0
    pinned: int = 0
    seams: int = 0
    asked: list[float] = field(default_factory=list)

    @property
    def scale(self) -> Scale[int]:
        return Scale(self.make, int, self.fixed + sum(self.texts), self.texts, self.pinned)

    def make(self, ratio: float) -> int:
        self.asked.append(ratio)
        return self.at(ratio)

    def at(self, ratio: float) -> int:
        return self.fixed + max(self.pinned, sum(max(1, round(text / ratio)) for text in self.texts)) + self.seams


sizes = st.builds(
    Sizes, st.lists(st.integers(1, 10**7), min_size=1, max_size=9).map(tuple), st.integers(0, 9000), st.integers(0, 900)
)


@given(sizes, st.integers(1, 20_000))
def test_the_step_is_the_mildest_that_fits(prompt: Sizes, limit: int) -> None:
    form, fits = mildest(prompt.scale, limit, 1.0)
    steps = [prompt.at(2.0 ** (step / STEPS)) for step in range(1, 100)]
    assert fits == any(size <= limit for size in steps)
    assert form == (next(size for size in steps if size <= limit) if fits else min(steps))


@given(sizes, st.integers(1, 20_000))
def test_few_forms_are_made(prompt: Sizes, limit: int) -> None:
    _, fits = mildest(prompt.scale, limit, 1.0)
    assert len(prompt.asked) <= 14  # of nearly a hundred steps
    if limit < prompt.scale.least:
        assert not fits
        assert len(prompt.asked) == 1


@given(sizes, st.floats(1.0, 20.0))
def test_no_step_is_milder_than_what_was_too_mild(prompt: Sizes, above: float) -> None:
    mildest(prompt.scale, 10**9, above)
    assert min(prompt.asked) > above


@given(
    st.lists(st.integers(500, 10**6), min_size=1, max_size=4).map(tuple),
    st.integers(0, 200),
    st.integers(0, 30),
    st.integers(400, 5000),
)
def test_the_closest_form_is_close(texts: tuple[int, ...], fixed: int, seams: int, limit: int) -> None:
    prompt = Sizes(texts, fixed, seams=seams)
    form = closest(prompt.scale, limit)
    assert len(prompt.asked) <= ATTEMPTS
    if prompt.at(1.0) > limit:
        assert form is not None
        assert limit - 0.005 * limit - len(texts) <= form <= limit


def test_what_cannot_be_met_has_no_closest_form() -> None:
    assert closest(Sizes((1000,), fixed=50, pinned=200).scale, 240) is None
    assert closest(Sizes((1000,), fixed=50).scale, 50) is None


@pytest.mark.parametrize(
    ("values", "limits", "cause"),
    [
        ({"target_tokens": 90}, (90,), "target_tokens"),
        ({"window_tokens": 100}, (99,), "fit_window"),
        ({"window_tokens": 100, "output_tokens": 40}, (60, 99), "fit_window"),
        ({"window_tokens": 100, "output_tokens": 40, "target_tokens": 50}, (50,), "target_tokens"),
        ({"window_tokens": 100, "output_tokens": 40, "target_tokens": 70}, (60, 70), "fit_window"),
        ({"window_tokens": 100, "output_tokens": 100}, (0, 99), "fit_window"),
    ],
)
def test_the_tighter_bound_counts(values: dict[str, int], limits: tuple[int, ...], cause: str) -> None:
    bound = bound_of(CompressionOptions.parse(values))
    assert bound is not None
    assert bound.limits == limits
    assert bound.cause == cause


def test_without_a_bound_there_is_none() -> None:
    assert bound_of(CompressionOptions(output_tokens=5)) is None


def test_a_bound_tells_that_it_was_missed_and_a_window_that_it_was_met() -> None:
    target, window = bound_of(CompressionOptions(target_tokens=9)), bound_of(CompressionOptions(window_tokens=9))
    assert target is not None
    assert window is not None
    assert (target.met, target.missed) == (None, Reason.TARGET_MISSED)
    assert (window.met, window.missed) == (Reason.FIT_WINDOW, Reason.WINDOW_MISSED)
