"""The lines of a text and what each looks like on its own."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

_NEWLINE = re.compile(r"\r\n?|\n")
# Longer lines than this are prose or data whatever they start with; `$` below means the line's end.
_LOOK_CHARS = 400


class LineKind(Enum):
    """What a line looks like without its neighbours."""

    BLANK = "blank"
    PLAIN = "plain"
    FENCE = "fence"
    ATX = "atx"
    WIKI = "wiki"
    RULE = "rule"
    TABLE = "table"
    QUOTE = "quote"
    LIST = "list"
    LOG = "log"
    MAIL = "mail"
    LABEL = "label"
    CODE = "code"


_LEVEL = r"(?:TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|FATAL|CRITICAL|SEVERE)"
_MAIL_HEADERS = (
    "From|To|Cc|Bcc|Subject|Date|Sent|Reply-To|Message-ID|In-Reply-To|References|Received|Return-Path|Delivered-To"
    "|MIME-Version|Organization|Lines|NNTP-Posting-Host|Newsgroups|X-[A-Za-z-]{1,40}+|Content-[A-Za-z-]{1,30}+"
    "|Von|An|Betreff|Gesendet|De|À|Objet|Envoyé|От|Кому|Тема|Дата|发件人|收件人|主题"
)
_KINDS = re.compile(
    rf"""
      (?P<fence>[ \t]{{0,12}}(?:`{{3,}}+[^`]{{0,100}}+|~{{3,}}+[^~]{{0,100}}+)$)
    | (?P<code>[ \t]*+(?:
          >>>\ |\#include\b|\#!|//|/\*|\*/|"{{3}}|'{{3}}|@\w++(?:[.(].*)?$|[\]}})]++[;,]?\s*$
        | (?:async\ )?def\ \w|class\ \w++\s*[:({{<]|import\ [\w.{{*]++\s*(?:;|$|\bas\b|\bfrom\b)|from\ [\w.]++\ import\b
        | return\b[^.]{{0,120}}$|(?:if|elif|for|while|with|except|try|else|switch|catch)\b.{{0,200}}[:{{]$
        | (?:public|private|protected|static)\ \w++[^.]{{0,200}}[;{{=(]
        | (?:const|let|var|func|function|fn|package|using|namespace|struct|enum|interface|impl|pub|type)
          \ [\w*]++.{{0,200}}[{{;=()]
        | [\w.\[\]'"]{{1,80}}+(?:\ *:\ *[\w.\[\], |]{{1,60}}+)?\ *[-+*/|&:]?=\ *[^\s=]
        | [\w.]{{1,80}}+\([^\n]{{0,200}}\)[;,:]?\s*$|[^\n]{{0,300}}(?:[;{{}}]|=>|->)\s*$))
    | (?P<atx>\ {{0,3}}\#{{1,6}}[ \t]++\S)
    | (?P<wiki>[ \t]{{0,3}}=[= ]{{0,16}}+[^=\n]{{1,160}}+=[= ]{{0,16}}+\s*$)
    | (?P<rule>[ \t]{{0,3}}(?:={{3,}}+|-{{3,}}+|\*{{3,}}+|_{{3,}}+)\s*$)
    | (?P<table>[ \t]{{0,3}}\|)
    | (?P<quote>[ \t]{{0,3}}>)
    | (?P<log>(?:-\ )?(?:\d{{9,10}}\ )?[\[(]?(?:
          \d{{4}}[-/.]\d\d[-/.]\d\d[T ,-]{{1,2}}\d\d[:.]\d\d|\d\d[-./]\d\d[ ]\d\d:\d\d:\d\d|\d\d/\w{{3}}/\d{{4}}:
        | (?:\w{{3}}\ )?[A-Z][a-z]{{2}}\ {{1,2}}\d{{1,2}}\ \d\d:\d\d:\d\d|\d\d:\d\d:\d\d[.,]\d{{3}}|\d{{6}}\ \d{{6}}\ \d
        | \d\d/\d\d/\d\d\ \d\d:\d\d:\d\d|\d{{8}}-\d{{1,2}}:\d|\d{{9,10}}\ \d{{4}}\.\d\d\.\d\d
        )
        | \S{{1,60}}+\s{{1,4}}(?:\|\s)?\[?\d{{4}}-\d\d-\d\d[T ]\d\d:\d\d:\d\d
        | \d{{4,9}}\ [\w-]{{2,40}}+\ [^\n]{{1,60}}?\b1\d{{9}}\b
        | \[?{_LEVEL}\]?\s*[:|\[(-]|[IWEF]\d{{4}}\ \d\d:\d\d
        | \d{{1,3}}(?:\.\d{{1,3}}){{3}}\ \S{{1,40}}+\ \S{{1,40}}+\ \[)
    | (?P<list>[ \t]{{0,40}}(?:
          (?:[-*+•‣◦·–●▪]|\(?\d{{1,3}}[.)]|[a-z][.)]|\([A-Za-z]\)|\(?[ivxIVX]{{1,5}}\))[ \t]++\S
        | \d{{1,3}}、|[（(]?[一二三四五六七八九十]{{1,3}}[、）)]))
    | (?P<mail>(?:{_MAIL_HEADERS})[:：])
    | (?P<label>[ \t]{{0,4}}(?:\*\*)?(?![a-z])[^\W\d_][\w.'’-]{{0,30}}+(?:[ ][\w.'’-]{{1,30}}+){{0,3}}
        (?:\ \([^()\n]{{1,40}}\))?(?:\*\*)?[:：](?:\s|\*|$))
    """,
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Lines:
    """Offsets and kinds of the lines of ``text``; ``ends`` leave the line break out."""

    text: str
    starts: list[int]
    ends: list[int]
    kinds: list[LineKind]

    def line(self, index: int) -> str:
        """Line ``index`` without its line break."""
        return self.text[self.starts[index] : self.ends[index]]

    def indent(self, index: int) -> int:
        """Characters of white space before line ``index``."""
        line = self.line(index)
        return len(line) - len(line.lstrip())


def split_lines(text: str) -> Lines:
    """The lines of ``text``, broken at LF, CRLF and CR; no line after a final line break."""
    starts, ends = [0], []
    for newline in _NEWLINE.finditer(text):
        ends.append(newline.start())
        starts.append(newline.end())
    ends.append(len(text))
    if starts[-1] == len(text):
        starts.pop()
        ends.pop()
    return Lines(text, starts, ends, [_kind(text, start, end) for start, end in zip(starts, ends, strict=True)])


def _kind(text: str, start: int, end: int) -> LineKind:
    look = text[start : min(end, start + _LOOK_CHARS)]
    if not look or look.isspace():
        return LineKind.PLAIN if end - start > _LOOK_CHARS and text[start:end].strip() else LineKind.BLANK
    found = _KINDS.match(look)
    return LineKind(found.lastgroup) if found is not None else LineKind.PLAIN
