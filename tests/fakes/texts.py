"""Long texts of many different sentences, made on the spot, and chats of them."""

from __future__ import annotations

from typing import Any

from fakes.engine import MODEL

_NAMES = ("Ada", "Bruno", "Chen", "Dilara", "Emeka", "Farah", "Goran", "Hana", "Ivan", "Jun")
_THINGS = ("bridge", "garden", "engine", "library", "harbour", "orchard", "tunnel", "theatre", "mill", "tower")
_DEEDS = ("repaired", "painted", "sold", "described", "visited", "measured", "rented", "guarded", "cleaned", "drew")
NEEDLE = "The vault code of the northern archive is 7316."
QUESTION = "What is the vault code of the northern archive?"


def document(sentences: int = 60, *, needle: bool = True) -> str:
    """Sentences that all say something else, with the needle in the middle."""
    made = [
        f"In the year {1700 + n} {_NAMES[n % 10]} {_DEEDS[(n // 10 + n) % 10]} the {_THINGS[(3 * n) % 10]} "
        f"near the {_THINGS[(7 * n + 1) % 10]} number {n}."
        for n in range(sentences)
    ]
    if needle:
        made.insert(sentences // 2, NEEDLE)
    return " ".join(made)


def rag(sentences: int = 60) -> str:
    """A document with a question about it."""
    return f"{document(sentences)}\n\nQuestion: {QUESTION}"


def seamed(sentences: int = 60) -> str:
    """Paragraphs, a word in keep tags and a question; the word has other tokens where no tag stands before it."""
    said = document(sentences).replace("the year 1705", "one <semtoken:keep>quick</semtoken:keep> year").split(". ")
    made = [". ".join(said[n : n + 4]) for n in range(0, len(said), 4)]
    return ".\n\n".join(made) + f"\n\nQuestion: {QUESTION}"


def chat(*contents: str, **fields: Any) -> dict[str, Any]:
    """The body of a chat whose roles alternate, from the user's first message on."""
    roles = ("user", "assistant")
    messages = [{"role": roles[n % 2], "content": content} for n, content in enumerate(contents)]
    return {"model": MODEL, "messages": messages, **fields}
