"""The one regular expression that finds atomic text.

Every alternative is linear on any input: quantifiers are possessive or bounded, and a look-behind
lets an unbounded run be tried from its first character only.
"""

from __future__ import annotations

import re

_MONTHS = (
    "January|February|March|April|May|June|July|August|September|October|November|December"
    "|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec"
)
_UNITS = (
    "[%％]|‰|°[CF]?|[ap]\\.?m\\.?|thousand|million|billion|trillion|bn|mn"
    "|percent|per\\ cent|USD|EUR|GBP|JPY|CNY|RUB|INR|CHF|dollars?|euros?|pounds?|yen|rupees?|cents?"
    "|[kmcµμn]?m[²³23]?|km/h|mph|m/s|kph|miles?|feet|foot|ft|inch(?:es)?|in|yards?|yd|acres?|ha|hectares?"
    "|[kmµμ]?g|kilograms?|grams?|tons?|tonnes?|lbs?|oz|[mkcd]?[lL]|lit(?:er|re)s?|gallons?"
    "|[kMGT]?i?[Bb](?:ps|/s)?|bytes?|[kMG]?Hz|[kMGT]?Wh?|[kM]?V|[mk]?A|[kMG]?Pa|[kM]?J|k?cal|[KFC]|dB|px|pt"
    "|[mµμn]?s|sec(?:onds?)?|min(?:utes?)?|h|hrs?|hours?|days?|weeks?|months?|years?|x|k|M"
    "|[$€£¥₹₽₩]|руб\\.?|млн|млрд|тыс\\.?|км|кг|лет|года?"
)
# A line break that is not the end of the paragraph.
_WRAP = r"\n(?![^\S\n]{0,8}\n)"
_QUOTE_CHARS = 300
_WRAPPED_CHARS = 100


def _quotation(opening: str, closing: str, *, before: str = "") -> str:
    inner = f"[^{opening}{closing}\\n]"
    return (
        f"{before}{opening}(?!\\s){inner}{{1,{_QUOTE_CHARS}}}+"
        f"(?:{_WRAP}{inner}{{1,{_WRAPPED_CHARS}}}+){{0,3}}+[{closing}]"
    )


_QUOTATIONS = "|".join(
    (
        _quotation('"', '"', before='(?<![\\w"])'),
        *(_quotation(opening, closing) for opening, closing in ("“”", "«»", "„“", "「」", "『』", "《》", "‹›")),
    )
)
_WORD = "[A-Za-z0-9_]"
_WIDE_UNITS = (
    "(?:[十百千]?[万亿億兆]|[百千])?(?:美元|欧元|日元|元|円|ドル|원|米|公里|千米|厘米|公斤|千克|吨|トン|克|公顷|平方公里"
    "|人|个|名|年|月|日|天|岁|歳|小时|時間|分钟|分|秒|度|倍|次|回)|[十百千]?[万亿億兆]"
)
# Chinese and Japanese put no space behind a unit.
_MEASURE = rf"(?:\s?(?:(?:{_UNITS})(?![^\W\u3040-\u9fff\uac00-\ud7af])|{_WIDE_UNITS}))?+"

# Where a word, a number or a sign starts: the first character sorts most alternatives out.
_LETTERS = rf"""
      (?:https?|ftps?|file|wss?|s3|gs|git|ssh|mailto)://[^\s<>"'`，。；！？、）」』》]*[^\s<>"'`，。；！？、）」』》.,;:!?)\]}}]
    | [A-Za-z0-9._%+-]{{1,64}}+@[A-Za-z0-9-]{{1,63}}+(?:\.[A-Za-z0-9-]{{1,63}}+){{1,8}}+                # e-mail
    | ^(?![a-z])[^\W\d_][\w.'’-]{{0,30}}+(?:[ ][\w.'’-]{{1,30}}+){{0,3}}+(?:[ ]\([^()\n]{{1,40}}+\))?:(?=\s)  # speaker
    | (?:{_MONTHS})\b\.?(?:\s\d{{1,2}}(?:st|nd|rd|th)?(?!\w))?(?:,?\s\d{{4}}(?!\w))?                   # May 3, 2021
    | (?:(?:US|AU|CA|[AC])[$]|(?:USD|EUR|GBP|JPY|CNY|CHF)\s)\d++(?:[.,]\d++){{0,8}}+{_MEASURE}
    | [A-Za-z]:(?:[/\\]++[A-Za-z0-9_.@+%~-]++)++[/\\]?                                               # C:\path
    | {_WORD}++(?:[./\\:@#+~-]++{_WORD}++)++(?:\(\))?                                               # a.b, a/b, a-1
    | {_WORD}*?_{_WORD}*+                                                                        # snake_case
    | [A-Za-z][a-z0-9]*+[A-Z]{_WORD}*+                                                           # CamelCase, ACRONYM
"""
_DIGITS = rf"""
      \d{{1,2}}(?:st|nd|rd|th)?\.?\s(?:of\s)?(?:{_MONTHS})\b\.?(?:,?\s\d{{4}}(?!\w))?   # 3rd of May 2021
    | \d{{1,2}}\.?\s(?:de\s)?[^\W\d_]{{3,12}}+\.?\s(?:de\s)?(?:1\d|20)\d\d(?!\w)                      # 3 марта 2021
    | \d{{2,4}}\s?年(?:\s?\d{{1,2}}\s?月(?:\s?\d{{1,2}}\s?日)?)?
    | \d++(?:[.,'’٫٬]\d++){{0,8}}+(?:[ \u00a0\u202f]\d{{3}}(?!\d)){{0,4}}+(?:[eE][-+]?\d++)?               # 1,200.5 kg
      {_MEASURE}(?![-/:_@\\.A-Za-z]\w)(?![A-Za-z_])
    | [A-Za-z0-9._%+-]{{1,64}}+@[A-Za-z0-9-]{{1,63}}+(?:\.[A-Za-z0-9-]{{1,63}}+){{1,8}}+
    | {_WORD}++(?:[./\\:@#+~-]++{_WORD}++)++(?:\(\))?(?:(?<=\d){_MEASURE})?+   # 10:30 pm, 2024-01-05
    | {_WORD}*?_{_WORD}*+
    | (?:0x)?[0-9a-fA-F]{{6,64}}+(?!\w)                                                           # hash
"""
_SIGNS = rf"""
      `{{1,2}}[^`\n]{{1,200}}+`{{1,2}}                                                              # inline code
    | {_QUOTATIONS}
    | (?:[$€£¥₹₽₩₺฿]\s?|(?<!\w)[-+−±])\d++(?:[.,'’٫٬]\d++){{0,8}}+(?:[ \u00a0\u202f]\d{{3}}(?!\d)){{0,4}}+
      (?:[eE][-+]?\d++)?{_MEASURE}
    | (?<!\w)--?[A-Za-z][\w-]*+                                                                  # --flag
    | (?<!\w)[#@$][A-Za-z0-9_]++                                                                 # #123, @user, $VAR
    | (?<![\w/\\.])(?:~|\.{{1,2}})?(?:[/\\]++[A-Za-z0-9_.@+%~-]++)++[/\\]?                           # /usr/bin
"""
_OTHER_SPEAKER = r"^[^\W\d_A-Za-z][\w.'’-]{0,30}+(?:[ ][\w.'’-]{1,30}+){0,3}+(?:[ ]\([^()\n]{1,40}+\))?[:：](?=\s)"

ATOM = re.compile(
    rf"(?<!{_WORD})(?:(?=[A-Za-z_])(?:{_LETTERS})|(?=\d)(?:{_DIGITS}))|(?=[^\w\s])(?:{_SIGNS})|{_OTHER_SPEAKER}",
    re.VERBOSE | re.MULTILINE,
)
"""Quotations, URLs, e-mail addresses, speakers, dates, amounts, identifiers and paths."""
