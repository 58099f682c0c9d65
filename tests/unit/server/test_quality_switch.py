"""When the quality contract switches compression off, and on again."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from semtoken_server.quality.drift import ScoredToken, drift
from semtoken_server.quality.shared import SharedState
from semtoken_server.quality.switch import CLIP, WINDOW, Switch

LIMIT = 0.5
LEAST = 20
PROBE_S = 60.0


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def switch(clock: Clock | None = None) -> Switch:
    return Switch(LIMIT, LEAST, PROBE_S, clock or Clock())


def tokens(*pairs: tuple[str, float | None]) -> list[ScoredToken]:
    return [ScoredToken(*pair) for pair in pairs]


def test_the_drift_is_over_the_common_end() -> None:
    compressed = tokens(("a", None), ("x", -9.0), ("b", -1.0), ("c", -2.0))
    full = tokens(("a", None), ("y", -3.0), ("z", -4.0), ("b", -1.5), ("c", -4.0))
    assert drift(compressed, full, 100) == pytest.approx((0.5 + 2.0) / 2)
    assert drift(compressed, full, 1) == pytest.approx(2.0)


def test_without_a_common_end_there_is_no_drift() -> None:
    one = tokens(("a", None), ("b", -1.0))
    assert drift(one, tokens(("a", None), ("c", -1.0)), 5) is None
    assert drift(one, one, 0) is None
    assert drift([], one, 5) is None
    # A prompt's first token has no log-probability.
    assert drift(one, one, 5) == 0.0


def test_it_estimates_the_divergence_of_what_was_drawn_from() -> None:
    """Of answers drawn from p the mean drift is KL(p || q)."""
    generator = np.random.default_rng(0)
    p, q = np.array([0.7, 0.2, 0.1]), np.array([0.3, 0.3, 0.4])
    divergence = float((p * np.log(p / q)).sum())
    figures = []
    for _ in range(2_000):
        drawn = generator.choice(3, size=8, p=p)
        ones = [ScoredToken(str(t), float(np.log(p[t]))) for t in drawn]
        others = [ScoredToken(str(t), float(np.log(q[t]))) for t in drawn]
        figures.append(drift(ones, others, 8))
    assert np.mean([figure for figure in figures if figure is not None]) == pytest.approx(divergence, rel=0.05)


def test_too_few_samples_decide_nothing() -> None:
    judge = switch()
    assert {judge.observe("m", 5.0) for _ in range(LEAST - 1)} == {"on"}
    assert judge.observe("m", 5.0) == "off"
    assert judge.phase("other") == "on"


@pytest.mark.parametrize("height", [2.0, 50.0, 9999.0, float("inf")])
def test_a_few_outliers_however_high_decide_nothing(height: float) -> None:
    judge = switch()
    for number in range(200):
        outlier = number % 7 == 0  # six of any forty, and three of the first twenty
        assert judge.observe("m", height if outlier else 0.0) == "on"


def test_an_outlier_does_not_hide_what_all_the_others_show() -> None:
    judge = switch()
    figures = [0.9] * (LEAST - 1) + [9999.0]
    assert [judge.observe("m", figure) for figure in figures][-1] == "off"


def test_a_mean_under_the_limit_is_never_mistaken_for_one_over_it() -> None:
    """Ten models with a true mean of half the limit and wide errors, for 2,000 samples each."""
    generator = np.random.default_rng(0)
    for _ in range(10):
        judge = switch()
        figures = generator.normal(0.5 * LIMIT, LIMIT, size=2_000)
        assert {judge.observe("m", float(figure)) for figure in figures} == {"on"}


def test_a_mean_over_the_limit_is_found_soon() -> None:
    generator = np.random.default_rng(0)
    needed = []
    for _ in range(50):
        judge, number = switch(), 0
        while judge.observe("m", float(generator.normal(2 * LIMIT, LIMIT))) == "on":
            number += 1
        needed.append(number)
    assert np.median(needed) <= LEAST * WINDOW


def test_it_is_tried_again_after_a_while_and_judged_by_the_mean() -> None:
    clock = Clock()
    judge = switch(clock)
    for _ in range(LEAST):
        judge.observe("m", 1.0)
    assert judge.phase("m") == "off"
    assert judge.observe("m", 0.0) == "off"  # of a prompt compressed before
    clock.now = PROBE_S
    assert judge.phase("m") == "probing"
    assert judge.mean("m") is None
    for _ in range(LEAST - 1):
        assert judge.observe("m", LIMIT + 0.01) == "probing"
    assert judge.observe("m", LIMIT + 0.01) == "off"
    clock.now += PROBE_S - 1
    assert judge.phase("m") == "off"
    clock.now += 1
    assert [judge.observe("m", LIMIT - 0.01) for _ in range(LEAST)][-1] == "on"


def test_the_mean_goes_over_the_last_samples_each_clipped() -> None:
    judge = switch()
    judge.observe("m", -1e9)
    assert judge.mean("m") == -CLIP * LIMIT
    for _ in range(WINDOW * LEAST):
        judge.observe("m", 0.1)
    assert judge.mean("m") == pytest.approx(0.1)
    assert judge.mean("other") is None


def test_workers_follow_one_another(tmp_path: Path) -> None:
    clock = Clock()
    clock.now = 10.0
    path = tmp_path / "quality.json"
    one, other = switch(clock), switch(clock)
    told, heard = SharedState(path), SharedState(path)
    assert heard.follow(other) == []
    one.switch_off("m")
    told.publish(one, "m")
    clock.now = 11.0
    assert heard.follow(other) == ["m"]
    assert other.phase("m") == "off"
    assert heard.follow(other) == []
    # The time of probing counts from the switch, not from when it was heard of.
    clock.now = 10.0 + PROBE_S
    assert other.phase("m") == "probing"
    other.switch_on("m")
    heard.publish(other, "m")
    assert told.follow(one) == ["m"]
    assert one.phase("m") == "on"
    assert sorted(os.listdir(tmp_path)) == ["quality.json"]


def test_a_file_that_cannot_be_read_now_is_read_later(tmp_path: Path) -> None:
    path, one, other = tmp_path / "quality.json", switch(), switch()
    heard = SharedState(path)
    path.mkdir()
    assert heard.follow(other) == []
    path.rmdir()
    one.switch_off("m")
    SharedState(path).publish(one, "m")
    assert heard.follow(other) == ["m"]
