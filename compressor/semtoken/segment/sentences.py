"""Sentence boundaries, by sentencex, in time linear in the text."""

from __future__ import annotations

import re

from sentencex import get_sentence_boundaries

from semtoken.segment.scripts import SPACE_DELIMITED, ScriptMap

# sentencex is quadratic in the number of unclosed quotes and brackets of one call.
_WINDOW = 4096
_SURROGATE = re.compile("[\ud800-\udfff]")
_SPACES = re.compile(r"\s+")
# A sentence of a script without full stops: shorter than this it is not worth a unit.
_MIN_SPACED_CHARS = 80


class SentenceSplitter:
    """Finds sentence starts inside ranges of one text."""

    def __init__(self, text: str) -> None:
        # sentencex takes UTF-8; the stand-in keeps every offset where it is.
        self._text = _SURROGATE.sub("�", text)
        self.scripts = ScriptMap(text)

    def starts(self, start: int, end: int) -> list[int]:
        """Offsets in ``(start, end)`` where a sentence starts, ascending; ``start`` is left out."""
        language = self.scripts.language(start, end)
        found = self._windowed(language, start, end)
        if language in SPACE_DELIMITED:
            return self._at_spaces(found, start, end)
        return found

    def _windowed(self, language: str, start: int, end: int) -> list[int]:
        found: list[int] = []
        position = start
        while position < end:
            stop = min(position + _WINDOW, end)
            cuts = [
                position + boundary["start_index"]
                for boundary in get_sentence_boundaries(language, self._text[position:stop])[1:]
            ]
            found += cuts
            # The last sentence of a window may go on behind it: read it again from its start.
            position = cuts[-1] if cuts and stop < end else stop
        return found

    def _at_spaces(self, found: list[int], start: int, end: int) -> list[int]:
        cuts: list[int] = []
        known = set(found)
        last = start
        for gap in _SPACES.finditer(self._text, start, end):
            cut = gap.end()
            if cut < end and (cut in known or cut - last >= _MIN_SPACED_CHARS):
                cuts.append(cut)
                last = cut
        return cuts
