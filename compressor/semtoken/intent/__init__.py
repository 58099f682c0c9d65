"""What a user's words ask for: where the question stands, and whether it needs the whole text."""

from semtoken.intent.earlier import points_back
from semtoken.intent.question import Intent, find_question
from semtoken.intent.run import RunIntent, run_question
from semtoken.intent.tasks import whole_text_task

__all__ = ["Intent", "RunIntent", "find_question", "points_back", "run_question", "whole_text_task"]
