"""Which script a stretch of text is written in, and the language whose sentence rules fit it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from semtoken.segment.latin import latin_language

_OTHER, _LATIN, _HAN, _KANA = "", "latin", "han", "kana"

# First code point of a range and the script of that range (Unicode 15 block boundaries).
_RANGES: tuple[tuple[int, str], ...] = (
    (0x0000, _OTHER),
    (0x0041, _LATIN),
    (0x005B, _OTHER),
    (0x0061, _LATIN),
    (0x007B, _OTHER),
    (0x00C0, _LATIN),
    (0x0250, _OTHER),
    (0x0370, "greek"),
    (0x0400, "cyrillic"),
    (0x0530, "armenian"),
    (0x0590, "hebrew"),
    (0x0600, "arabic"),
    (0x0780, _OTHER),
    (0x08A0, "arabic"),
    (0x0900, "devanagari"),
    (0x0980, "bengali"),
    (0x0A00, _OTHER),
    (0x0E00, "thai"),
    (0x0E80, "lao"),
    (0x0F00, _OTHER),
    (0x1000, "myanmar"),
    (0x10A0, _OTHER),
    (0x1100, "hangul"),
    (0x1200, "ethiopic"),
    (0x13A0, _OTHER),
    (0x1780, "khmer"),
    (0x1800, _OTHER),
    (0x1E00, _LATIN),
    (0x1F00, "greek"),
    (0x2000, _OTHER),
    (0x3040, _KANA),
    (0x3100, _OTHER),
    (0x31F0, _KANA),
    (0x3200, _OTHER),
    (0x3400, _HAN),
    (0xA000, _OTHER),
    (0xAC00, "hangul"),
    (0xD7B0, _OTHER),
    (0xF900, _HAN),
    (0xFB00, _OTHER),
    (0xFB50, "arabic"),
    (0xFE00, _OTHER),
    (0xFE70, "arabic"),
    (0xFF00, _OTHER),
    (0xFF66, _KANA),
    (0xFFA0, _OTHER),
    (0x20000, _HAN),
    (0x32000, _OTHER),
)
_LANGUAGES = {
    "greek": "el",
    "cyrillic": "ru",
    "armenian": "hy",
    "hebrew": "he",
    "arabic": "ar",
    "devanagari": "hi",
    "bengali": "bn",
    "thai": "th",
    "lao": "lo",
    "myanmar": "my",
    "hangul": "ko",
    "ethiopic": "am",
    "khmer": "km",
    _KANA: "ja",
    _HAN: "zh",
}
_NAMES = (_OTHER, _LATIN, *_LANGUAGES)
_STARTS = np.array([start for start, _ in _RANGES], dtype=np.uint32)
_IDS = np.array([_NAMES.index(name) for _, name in _RANGES], dtype=np.uint8)
_KANA_ID, _HAN_ID = _NAMES.index(_KANA), _NAMES.index(_HAN)

SPACE_DELIMITED = frozenset({"th", "lo", "km", "my"})
"""Languages whose sentences end at a space rather than at a full stop."""
WIDE = frozenset({"zh", "ja", "ko"})
"""Languages whose characters take two columns."""


class ScriptMap:
    """The script of every character of a text, for look-ups by range."""

    def __init__(self, text: str) -> None:
        self._latin = latin_language(text)
        self._ids: npt.NDArray[np.uint8] | None = None
        if not text.isascii():
            codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
            self._ids = _IDS[np.searchsorted(_STARTS, codes, side="right") - 1]

    def language(self, start: int, end: int) -> str:
        """ISO 639-1 code for ``text[start:end]`` by its dominant script; Latin, or none, has the text's language."""
        if self._ids is None:
            return self._latin
        counts = np.bincount(self._ids[start:end], minlength=len(_NAMES))
        counts[0] = 0
        # Japanese is written in more Han than kana at times, Chinese never in kana.
        if counts[_KANA_ID] * 10 > counts[_HAN_ID]:
            counts[_KANA_ID] += counts[_HAN_ID]
        return _LANGUAGES.get(_NAMES[int(counts.argmax())], self._latin)
