"""The evaluation's result as JSON and as one self-contained HTML page."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any, Literal

import orjson
from jinja2 import Environment, StrictUndefined

from semtoken.evaluation.lm import LmRun, LmSettings
from semtoken.evaluation.plot import quality_plot
from semtoken.evaluation.pooled import MIN_EXAMPLES, pooled_rows
from semtoken.evaluation.qa import QaRun, QaSettings
from semtoken.evaluation.recall import RecallRun, RecallSettings
from semtoken.evaluation.rows import Row, lm_rows, missed_budgets, qa_rows, recall_rows
from semtoken.tokenizer import ServedTokenizer

Kind = Literal["qa", "lm", "recall"]


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the table: its key in a row, its heading, how it is written, and which end is better."""

    key: str
    title: str
    form: str
    better: Literal["more", "less", ""] = ""
    scale: float = 1.0

    def write(self, row: Row) -> str:
        """The cell's text; a dash for what was not measured."""
        value = row[self.key]
        return "-" if value is None else self.number(value)

    def number(self, value: float) -> str:
        """A value of this column as text."""
        return format(value * self.scale, self.form)

    def interval(self, row: Row) -> str:
        """The cell's 95% interval in brackets; nothing where there is none."""
        bounds = row["ci95"].get(self.key)
        return f"[{self.number(bounds[0])}, {self.number(bounds[1])}]" if bounds else ""


@dataclass(frozen=True, slots=True)
class Image:
    """A plot that a page holds inside itself."""

    title: str
    svg: bytes = field(repr=False)

    @property
    def source(self) -> str:
        """A ``data:`` address: inline SVG would share its ids with the page's other plots."""
        return f"data:image/svg+xml;base64,{base64.b64encode(self.svg).decode()}"


_NOT_PLOTTED = ("em", "nll", "ppl", "far_minus_truncate", "difference")
_KEPT = Column("kept_fraction", "kept", ".3f")
_TIME = Column("compress_ms_per_1k_tokens", "ms/1k tok", ".1f")

COLUMNS: dict[Kind, tuple[Column, ...]] = {
    "qa": (
        _KEPT,
        Column("f1", "F1 %", ".1f", "more", 100.0),
        Column("em", "EM %", ".1f", "more", 100.0),
        Column("answer_in_context", "answer kept %", ".1f", "more", 100.0),
        Column("answer_nll", "answer NLL", ".3f", "less"),
        _TIME,
    ),
    "lm": (
        _KEPT,
        Column("ppl", "perplexity", ".2f", "less"),
        Column("nll", "NLL", ".4f", "less"),
        Column("delta_nll", "NLL - full", "+.4f", "less"),
        Column("far_n", "far tokens", ".0f"),
        Column("far_nll", "far NLL", ".3f", "less"),
        Column("far_minus_truncate", "far NLL - truncate", "+.3f", "less"),
        _TIME,
    ),
    "recall": (
        _KEPT,
        Column("kept_fraction_asked_first", "kept, asked first", ".3f"),
        Column("answer_in_context", "answer kept %", ".1f", "more", 100.0),
        Column("asked_first", "asked first %", ".1f", "more", 100.0),
        Column("difference", "later - first, points", "+.1f", "more", 100.0),
        _TIME,
    ),
}

POOLED_COLUMNS = (
    _KEPT,
    Column("answer_nll_minus_none", "answer NLL - full", "+.3f", "less"),
    Column("f1_minus_none", "F1 - full, points", "+.1f", "more", 100.0),
    Column("answer_in_context", "answer kept %", ".1f", "more", 100.0),
)


@dataclass(frozen=True, slots=True)
class Report:
    """What a run gives back; ``to_dict`` is the JSON of the contract."""

    kind: Kind
    model: str
    tokenizer: str
    seed: int
    rows: tuple[Row, ...] = field(repr=False)
    settings: dict[str, Any]
    """What else was asked for (split, query, windows), in the JSON under its own names."""
    notes: tuple[str, ...] = ()
    """What a reader must know: skipped examples, missed budgets, unanswered questions."""
    pooled: tuple[Row, ...] = field(default=(), repr=False)
    """Means over the tasks that are large enough; of questions only."""

    def to_dict(self) -> dict[str, Any]:
        """The JSON of the contract."""
        return {
            "kind": self.kind,
            "model": self.model,
            "tokenizer": self.tokenizer,
            "seed": self.seed,
            **self.settings,
            "notes": list(self.notes),
            "rows": list(self.rows),
            "pooled": list(self.pooled),
        }

    def to_json(self) -> bytes:
        """``to_dict`` as indented UTF-8."""
        return orjson.dumps(self.to_dict(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)

    def to_html(self) -> str:
        """A page with table and plots that loads nothing from elsewhere."""
        template = (files("semtoken.evaluation") / "report.html.j2").read_text(encoding="utf-8")
        environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
        return environment.from_string(template).render(
            report=self,
            columns=COLUMNS[self.kind],
            pooled_columns=POOLED_COLUMNS,
            plots=self._plots(),
        )

    def tasks(self) -> list[tuple[str, list[Row]]]:
        """The rows of each data set and task under a title."""
        groups: dict[str, list[Row]] = {}
        for row in self.rows:
            title = row["data"] if row["task"] in (row["data"], self.kind) else f"{row['data']}: {row['task']}"
            groups.setdefault(title, []).append(row)
        return list(groups.items())

    def pooled_title(self) -> str:
        """What the pooled rows are over."""
        tasks = self.pooled[0]["tasks"]
        return f"mean over {len(tasks)} task{'s' * (len(tasks) > 1)} (n = {self.pooled[0]['n']})"

    def _plots(self) -> dict[str, list[Image]]:
        """The images of each task, of the scores that some row has."""
        measured = [column for column in COLUMNS[self.kind] if column.better and column.key not in _NOT_PLOTTED]
        return {
            title: [
                Image(f"{column.title} against ratio", quality_plot(rows, column.key, column.title, column.scale))
                for column in measured
                if any(row[column.key] is not None for row in rows)
            ]
            for title, rows in self.tasks()
        }


def qa_report(
    run: QaRun,
    settings: QaSettings,
    *,
    model: str,
    tokenizer: ServedTokenizer,
    split: str,
    pool_from: int = MIN_EXAMPLES,
) -> Report:
    """Rows and notes of a QA run; tasks of ``pool_from`` or more examples go into the pooled rows."""
    rows = qa_rows(run.outcomes, settings.seed)
    skipped = [
        f"{data}: {count} examples do not fit the window and were skipped" for data, count in run.skipped.items()
    ]
    unrated = any(row["answer_nll"] is None for row in rows)
    return Report(
        kind="qa",
        model=model,
        tokenizer=_short(tokenizer),
        seed=settings.seed,
        rows=tuple(rows),
        pooled=tuple(pooled_rows(run.outcomes, settings.seed, pool_from)),
        settings={"split": split, "query": settings.use_query, "skipped": run.skipped, "pool_from": pool_from},
        notes=(*skipped, *missed_budgets(rows), *(["the engine gives no log-probabilities of a prompt"] * unrated)),
    )


def lm_report(run: LmRun, settings: LmSettings, *, model: str, tokenizer: ServedTokenizer) -> Report:
    """Rows and notes of a language-modelling run."""
    rows = lm_rows(run.outcomes, settings.seed)
    length = settings.context + settings.target
    return Report(
        kind="lm",
        model=model,
        tokenizer=_short(tokenizer),
        seed=settings.seed,
        rows=tuple(rows),
        settings={"context": settings.context, "target": settings.target},
        notes=(*(f"{name}: no document of {length} tokens" for name in run.too_short), *missed_budgets(rows)),
    )


def recall_report(run: RecallRun, settings: RecallSettings, *, model: str, tokenizer: ServedTokenizer) -> Report:
    """Rows and notes of a recall run; ``model`` names the tokenizer's model, which is asked nothing."""
    return Report(
        kind="recall",
        model=model,
        tokenizer=_short(tokenizer),
        seed=settings.seed,
        rows=tuple(recall_rows(run.outcomes, settings.seed)),
        settings={"split": settings.split},
        notes=tuple(f"{name}: no document with two questions" for name in run.without_pairs),
    )


def _short(tokenizer: ServedTokenizer) -> str:
    return f"sha256:{tokenizer.fingerprint[:16]}"
