"""The supervisor's promises, on real processes."""

from __future__ import annotations

import os
import signal
import socket
import urllib.request

import pytest
from semtoken_server.supervisor import EnginePortTakenError, EngineStartError, EngineState, Patience
from unit.supervisor.engine_bench import Bench, alive, eventually, parent_of


def test_a_healthy_engine_is_ready_and_leaves_nothing_behind(bench: Bench) -> None:
    with bench.supervisor() as supervisor:
        supervisor.wait_ready()
        assert supervisor.state is EngineState.READY
        with urllib.request.urlopen(f"{supervisor.command.url}/health", timeout=5) as answer:
            assert answer.status == 200
        pids = bench.pids()
        assert [alive(pid) for pid in pids] == [True, True]
    assert [alive(pid) for pid in pids] == [False, False]
    assert bench.states() == [EngineState.STARTING, EngineState.READY, EngineState.STOPPED]


def test_an_engine_deaf_to_sigterm_is_killed(bench: Bench) -> None:
    with bench.supervisor("--deaf") as supervisor:
        supervisor.wait_ready()
    assert [alive(pid) for pid in bench.pids()] == [False, False]


def test_an_engine_that_dies_at_start_is_explained_by_the_end_of_its_log(bench: Bench) -> None:
    with bench.supervisor("--dies") as supervisor, pytest.raises(EngineStartError, match="status 3") as failure:
        supervisor.wait_ready()
    assert failure.value.log_tail.splitlines()[-1] == "fake engine: out of memory"
    assert str(bench.log) in str(failure.value)


def test_a_program_that_does_not_exist_is_explained(bench: Bench) -> None:
    supervisor = bench.supervisor()
    supervisor.command = type(supervisor.command)(("/no/such/engine",), "127.0.0.1", bench.port)
    with supervisor, pytest.raises(EngineStartError, match="status 127") as failure:
        supervisor.wait_ready()
    assert "/no/such/engine" in failure.value.log_tail


def test_an_engine_that_never_gets_healthy_is_given_up_and_tried_again(bench: Bench) -> None:
    patience = Patience(healthy_s=0.5, grace_s=1.0, poll_s=0.05, first_backoff_s=0.2)
    with bench.supervisor("--unhealthy", patience=patience) as supervisor:
        with pytest.raises(EngineStartError, match=r"not healthy after 0\.5 s"):
            supervisor.wait_ready()
        assert not any(alive(pid) for pid in bench.pids())
        eventually(lambda: bench.states().count(EngineState.STARTING) >= 2)


def test_an_engine_that_crashes_comes_back(bench: Bench) -> None:
    with bench.supervisor("--short-lived", str(bench.folder / "died")) as supervisor:
        eventually(lambda: bench.states().count(EngineState.READY) == 2)
        assert supervisor.state is EngineState.READY
        first, second = bench.pids()[:2], bench.pids()[2:]
        assert [alive(pid) for pid in first] == [False, False]
        assert [alive(pid) for pid in second] == [True, True]
    down = next(event for event in bench.events if event.state is EngineState.DOWN)
    assert "status 7" in down.message
    assert "starts again in 0.2 s" in down.message


def test_an_engine_killed_from_outside_comes_back(bench: Bench) -> None:
    with bench.supervisor() as supervisor:
        supervisor.wait_ready()
        engine, helper = bench.pids()
        os.kill(engine, signal.SIGKILL)
        eventually(lambda: bench.states().count(EngineState.READY) == 2)
        assert not alive(helper)
    assert any("status 137" in event.message for event in bench.events)


def test_a_killed_guard_takes_the_engine_with_it_and_the_engine_comes_back(bench: Bench) -> None:
    with bench.supervisor() as supervisor:
        supervisor.wait_ready()
        engine = bench.pids()[0]
        os.kill(parent_of(engine), signal.SIGKILL)
        eventually(lambda: not alive(engine))
        eventually(lambda: bench.states().count(EngineState.READY) == 2)
        # Its helper left the group for a session of its own, which only the guard could follow.
        os.kill(bench.pids()[1], signal.SIGKILL)


def test_a_taken_port_is_an_error_at_once(bench: Bench) -> None:
    with (
        socket.create_server(("127.0.0.1", bench.port)),
        pytest.raises(EnginePortTakenError, match=str(bench.port)),
    ):
        bench.supervisor().start()
    assert bench.events == []


def test_stopping_does_not_wait_for_the_back_off(bench: Bench) -> None:
    patience = Patience(grace_s=1.0, poll_s=0.05, first_backoff_s=3600.0, longest_backoff_s=3600.0)
    supervisor = bench.supervisor("--dies", patience=patience)
    supervisor.start()
    eventually(lambda: supervisor.state is EngineState.DOWN)
    supervisor.stop()
    assert supervisor.state is EngineState.STOPPED


def test_the_back_off_doubles_to_its_limit() -> None:
    patience = Patience(first_backoff_s=1.0, longest_backoff_s=60.0)
    assert [patience.backoff(deaths) for deaths in (1, 2, 3, 6, 7, 8, 10_000)] == [1, 2, 4, 32, 60, 60, 60]


def test_the_engine_gets_defaults_but_none_of_the_gateways_variables(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEMTOKEN_ENGINE_API_KEY", "secret")
    monkeypatch.setenv("VLLM_SET", "by the user")
    with bench.supervisor(VLLM_SET="default", VLLM_UNSET="default") as supervisor:
        supervisor.wait_ready()
        with open(f"/proc/{bench.pids()[0]}/environ", encoding="utf-8") as stream:
            environment = dict(pair.split("=", 1) for pair in stream.read().split("\0") if "=" in pair)
    assert environment["VLLM_SET"] == "by the user"
    assert environment["VLLM_UNSET"] == "default"
    assert not [name for name in environment if name.startswith("SEMTOKEN_")]
