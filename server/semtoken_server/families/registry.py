"""Every family, in the order of the documentation."""

from __future__ import annotations

from typing import Any

from semtoken_server.families.base import Family
from semtoken_server.families.chat import Chat
from semtoken_server.families.completions import Completions
from semtoken_server.families.messages import Messages
from semtoken_server.families.responses import Responses

FAMILIES: tuple[Family[Any], ...] = (Chat(), Completions(), Responses(), Messages())
