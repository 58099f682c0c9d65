"""Fill docs/evaluation.md with the tables and plots of docs/evaluation/*.json, which `semtoken eval --json` wrote.

In the page, `<!-- table NAME... -->` up to `<!-- end -->` holds the rows of the files of those names, in one
table, and under it their plots.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson
from semtoken.evaluation.plot import quality_plot
from semtoken.evaluation.report import Column
from semtoken.evaluation.rows import Row

DOCS = Path(__file__).resolve().parent.parent / "docs"
PAGE = DOCS / "evaluation.md"
RESULTS = DOCS / "evaluation"

_BLOCK = re.compile(r"<!-- table ([\w ]+) -->\n.*?<!-- end -->", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Cell:
    """One column of a kind's table: its heading and how a row's cell is written."""

    heading: str
    write: Callable[[Row], str]


def score(key: str, heading: str, form: str, scale: float = 1.0) -> Cell:
    """The cell of a score that a row has under its own name, with its interval where there is one."""
    column = Column(key, heading, form, scale=scale)

    def write(row: Row) -> str:
        return f"{column.write(row)} {column.interval(row)}".rstrip()

    return Cell(heading, write)


def plain(key: str, heading: str, form: str, scale: float = 1.0) -> Cell:
    """The cell of a score without its interval."""
    return Cell(heading, Column(key, heading, form, scale=scale).write)


def difference(key: str, heading: str, form: str, scale: float = 1.0) -> Cell:
    """The cell of a paired difference to no compression."""
    column = Column(f"{key}_minus_none", heading, form, scale=scale)

    def write(row: Row) -> str:
        return f"{column.number(row['minus_none'][key])} {column.interval(row)}"

    return Cell(heading, write)


_KEPT = plain("kept_fraction", "kept", ".3f")
CELLS: dict[str, tuple[Cell, ...]] = {
    "qa": (
        _KEPT,
        plain("f1", "F1 %", ".1f", 100.0),
        plain("answer_in_context", "answers kept %", ".0f", 100.0),
        plain("answer_nll", "answer NLL", ".2f"),
        difference("answer_nll", "minus the full prompt", "+.2f"),
    ),
    "pooled": (
        _KEPT,
        score("f1_minus_none", "F1 minus the full prompt's, points", "+.1f", 100.0),
        score("answer_in_context", "answers kept %", ".1f", 100.0),
        score("answer_nll_minus_none", "answer NLL minus the full prompt's", "+.2f"),
    ),
    "lm": (
        _KEPT,
        plain("ppl", "perplexity", ".2f"),
        plain("ppl_over_none", "over the full context's", ".3f"),
        score("delta_nll", "NLL minus the full context's", "+.3f"),
        plain("far_n", "far tokens", ".0f"),
        plain("far_nll", "far NLL", ".2f"),
        score("far_minus_truncate", "far NLL minus tail's", "+.2f"),
    ),
    "recall": (
        _KEPT,
        plain("kept_fraction_asked_first", "kept, asked first", ".3f"),
        plain("answer_in_context", "answers kept %", ".0f", 100.0),
        plain("asked_first", "asked first %", ".0f", 100.0),
        score("difference", "later minus first, points", "+.1f", 100.0),
    ),
}
PLOTS: dict[str, tuple[tuple[str, str, float], ...]] = {
    "qa": (("answer_in_context", "answers kept, %", 100.0), ("answer_nll", "answer NLL, nats a token", 1.0)),
    "pooled": (("answer_in_context", "answers kept, %", 100.0), ("answer_nll_minus_none", "NLL - full, nats", 1.0)),
}


def filled(page: str, images: dict[str, bytes]) -> str:
    """The page with every block made anew; the plots go into ``images`` by file name."""
    return _BLOCK.sub(lambda block: f"<!-- table {block[1]} -->\n{_block(block[1].split(), images)}<!-- end -->", page)


def _block(names: Sequence[str], images: dict[str, bytes]) -> str:
    kind, rows = _rows(names)
    text = []
    for task in dict.fromkeys((row.get("data", ""), row.get("task", "")) for row in rows):
        own = [row for row in rows if (row.get("data", ""), row.get("task", "")) == task]
        title = task[1] if kind != "lm" else task[0]
        text += [_table(title or f"mean over {len(own[0]['tasks'])} tasks", own, CELLS[kind]), ""]
        if len({row["ratio_asked"] for row in own}) < 3:
            continue
        for key, heading, scale in PLOTS.get(kind, ()):
            # The same task may stand in several blocks, with its question and without.
            name = "-".join(dict.fromkeys(part for part in (*names[:2], title, key) if part)) + ".svg"
            images[name] = quality_plot(own, key, f"{title}: {heading}".removeprefix(": "), scale)
            text.append(f"![{heading} against ratio]({RESULTS.name}/{name})")
        text.append("")
    return "\n".join(text)


def _rows(names: Sequence[str]) -> tuple[str, list[Row]]:
    """The rows of the files, each method and ratio once; ``pooled`` before a name takes its pooled rows."""
    pooled = names[0] == "pooled"
    results = [orjson.loads((RESULTS / f"{name}.json").read_bytes()) for name in names[pooled:]]
    found: dict[tuple[str, str, str, float], Row] = {}
    for row in (row for result in results for row in result["pooled" if pooled else "rows"]):
        found.setdefault((row.get("data", ""), row.get("task", ""), row["method"], row["ratio_asked"]), row)
    rows = sorted(found.values(), key=lambda row: row["ratio_asked"])
    return "pooled" if pooled else results[0].get("kind"), rows


def _table(title: str, rows: Sequence[Row], cells: Sequence[Cell]) -> str:
    heads = [f"{title} (n = {rows[0]['n']})", "ratio", *(cell.heading for cell in cells)]
    lines = [heads, ["---"] * len(heads)]
    lines += [[row["method"], f"{row['ratio_asked']:g}", *(cell.write(row) for cell in cells)] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> None:
    """Write the page and its plots."""
    images: dict[str, bytes] = {}
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8"), images), encoding="utf-8")
    for name, image in images.items():
        (RESULTS / name).write_bytes(image)


if __name__ == "__main__":
    main()
