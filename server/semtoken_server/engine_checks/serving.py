"""Which engines a request may meet: what is asked of an engine is asked of those."""

from __future__ import annotations

from semtoken_server.engines.base import Engine


def serving(engine: Engine, model: str | None) -> list[str]:
    """The healthy endpoints that list ``model`` or do not tell what they list; all healthy ones where none does."""
    healthy = [name for name, well in engine.health.items() if well]
    if not model:
        return healthy
    listed = engine.windows
    return [name for name in healthy if (windows := listed[name]) is None or model in windows] or healthy
