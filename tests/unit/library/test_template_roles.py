"""Roles reach a chat template as vLLM hands them to it."""

from __future__ import annotations

import pytest
from semtoken.template_roles import Message, as_rendered

KNOWS = "{% if role == 'developer' %}"
KNOWS_NOT = "{% for message in messages %}"


def said(role: str, content: str) -> Message:
    return {"role": role, "content": content}


USER = said("user", "Hi")


@pytest.mark.parametrize("template", [KNOWS, KNOWS_NOT])
def test_without_developers_nothing_changes(template: str) -> None:
    chat = [said("system", "a"), USER, said("system", "b")]
    assert as_rendered(chat, template) == chat


def test_a_template_that_knows_developers_gets_them() -> None:
    chat = [said("developer", "a"), USER]
    assert as_rendered(chat, KNOWS) == chat


@pytest.mark.parametrize(
    ("chat", "system"),
    [
        ([said("developer", "a"), USER], "a"),
        ([said("system", "a"), said("developer", "b"), USER], "a\n\nb"),
        ([said("developer", ""), said("developer", "b"), USER], "b"),
        ([USER, said("developer", "late")], "late"),
    ],
)
def test_else_they_are_the_system_s(chat: list[Message], system: str) -> None:
    assert as_rendered(chat, KNOWS_NOT) == [said("system", system), USER]


def test_nothing_else_of_a_single_message_is_lost() -> None:
    named = {"role": "developer", "content": "a", "name": "n"}
    assert as_rendered([named, USER], KNOWS_NOT) == [{"role": "system", "content": "a", "name": "n"}, USER]
    assert named["role"] == "developer"
