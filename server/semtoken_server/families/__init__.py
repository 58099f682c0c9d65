"""The routes whose prompts are compressed: one family each, in one registry."""

from semtoken_server.families.base import Family, Prepared
from semtoken_server.families.registry import FAMILIES

__all__ = ["FAMILIES", "Family", "Prepared"]
