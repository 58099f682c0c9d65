"""The balancers' configurations beside the gateway's settings; tests/integration/balancer runs them."""

from __future__ import annotations

import re

from semtoken_server.settings import Settings
from unit.deploy.files import DEPLOY

HAPROXY = (DEPLOY / "haproxy" / "haproxy.cfg").read_text()
NGINX = (DEPLOY / "nginx" / "nginx.conf").read_text()
DRAIN_DELAY_S = Settings(host="0.0.0.0").delay_before_draining_s
"""By default, where a balancer can reach the gateway."""
WORST_LAG_S = 3.0
"""What an answer took in the slowest hundredth on a machine that was overloaded (docs/reliability.md)."""


def value(text: str, pattern: str) -> str:
    """The one value of ``pattern``, wherever it stands at the beginning of a line."""
    (found,) = set(re.findall(rf"^\s*{pattern}", text, re.MULTILINE))
    return str(found)


def test_haproxy_notices_a_drain_before_it_is_refused() -> None:
    inter, fall = value(HAPROXY, r"default-server check inter (\d+)s"), value(HAPROXY, r"default-server .*fall (\d+) ")
    assert int(inter) * int(fall) + 1 < DRAIN_DELAY_S


def test_haproxy_waits_for_a_gateway_that_is_slow_under_load() -> None:
    assert float(value(HAPROXY, r"timeout check (\d+)s")) > WORST_LAG_S
    assert int(value(HAPROXY, r"default-server .*fall (\d+) ")) >= 3


def test_nginx_takes_a_restarted_gateway_back_before_the_next_one_goes() -> None:
    assert int(value(NGINX, r"server \$\{GATEWAY_[AB]\} max_fails=1 fail_timeout=(\d+)s;")) <= DRAIN_DELAY_S


def test_nginx_repeats_what_could_not_connect_and_not_what_was_silent() -> None:
    """All its time-outs are one word; what tells them apart is how long the request has been under way."""
    assert value(NGINX, r"proxy_next_upstream (.+);").split() == ["error", "timeout", "non_idempotent"]
    again = int(value(NGINX, r"proxy_next_upstream_timeout (\d+)s;"))
    assert (
        int(value(NGINX, r"proxy_connect_timeout (\d+)s;")) < again < int(value(NGINX, r"proxy_read_timeout (\d+)s;"))
    )


def test_both_outlast_the_gateway_s_patience_with_its_engine() -> None:
    patience = Settings().engine_read_timeout_s
    assert int(value(HAPROXY, r"timeout server (\d+)s")) > patience
    assert int(value(NGINX, r"proxy_read_timeout (\d+)s;")) > patience
