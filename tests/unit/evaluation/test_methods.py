from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec

import numpy as np
import pytest
from fakes.encoders import HashEncoder
from fakes.tiny_models import make_llama, train_tokenizer
from semtoken.datamodels import CompressionResult, FloatArray, Reason, Status
from semtoken.errors import InvalidOptionError
from semtoken.evaluation.bundled import bundled_demo
from semtoken.evaluation.methods import DEFAULT_METHODS, METHODS, Context, Method, Resources, build_methods
from semtoken.evaluation.scorers import CausalModel
from semtoken.options import CompressionOptions
from semtoken.tokenizer import ServedTokenizer

DOCUMENT = bundled_demo().document[:6000]
MIXED = "Crème brûlée 👩‍👩‍👧‍👦 für alle. 北京是中国的首都。 " * 30
LINGUA = ("llmlingua", "longllmlingua")
"""They run in the package of their authors, which misses budgets."""
lingua = pytest.mark.skipif(find_spec("llmlingua") is None, reason="llmlingua is missing: pip install llmlingua==0.2.2")
BASELINES = [
    pytest.param(name, marks=lingua if name in LINGUA else ()) for name in METHODS if name not in {"none", "semtoken"}
]
OF_TEXT_IN_ORDER = [param for param in BASELINES if param.values[0] not in {"longllmlingua", "embedding-merge"}]


class CapitalsSurprise:
    """A language model that finds only tokens with a capital letter surprising."""

    name = "fake"
    window = 1024

    def __init__(self, tokenizer: ServedTokenizer) -> None:
        self.tokenizer = tokenizer

    def surprisal(self, ids: Sequence[int]) -> FloatArray:
        return np.array([any(c.isupper() for c in self.tokenizer.decode([i])) for i in ids], dtype=np.float32)

    def continuation_nll(self, context: Sequence[int], target: Sequence[int]) -> FloatArray:
        return np.zeros(len(target), dtype=np.float32)


class RecordingCompressor:
    """Keeps the first tokens, and what it was asked."""

    def __init__(self, tokenizer: ServedTokenizer) -> None:
        self.tokenizer = tokenizer
        self.asked: list[tuple[str | None, CompressionOptions]] = []

    def compress(
        self, text: str, query: str | None = None, options: CompressionOptions | None = None
    ) -> CompressionResult:
        assert options is not None
        self.asked.append((query, options))
        end = int(self.tokenizer.tokenize(text).ends[(options.target_tokens or 1) - 1])
        ids = tuple(self.tokenizer.ids(text[:end]))
        return CompressionResult(text, text[:end], ids, len(ids), Status.COMPRESSED, Reason.OK, (), (), {})


@cache
def tiny() -> CausalModel:
    return CausalModel(make_llama().eval(), train_tokenizer())  # type: ignore[no-untyped-call]


def make(name: str, served: ServedTokenizer) -> Method:
    resources = Resources(
        served,
        language_model=CapitalsSurprise(served),
        causal_model=tiny(),
        encoder=HashEncoder(),
        compressor=RecordingCompressor(served),
    )
    return METHODS[name](resources)


def shorten(name: str, served: ServedTokenizer, text: str, budget: int, question: str | None = None) -> str:
    [result] = make(name, served).compress(text, question, [budget], np.random.default_rng(0))
    assert result.tokens == served.count(result.text)
    return result.text


@pytest.mark.parametrize("name", [param for param in BASELINES if param.values[0] not in LINGUA])
@pytest.mark.parametrize("text", [DOCUMENT, MIXED], ids=["prose", "mixed"])
@pytest.mark.parametrize("ratio", [1.5, 2.4, 8.0])
def test_every_baseline_keeps_its_budget(name: str, text: str, ratio: float, served: ServedTokenizer) -> None:
    tokens = served.count(text)
    budget = round(tokens / ratio)
    [form] = make(name, served).compress(text, "What is it about?", [budget], np.random.default_rng(0))
    assert form.tokens == (served.count(form.text) if form.vectors is None else len(form.vectors))
    assert form.tokens <= budget
    assert form.tokens / tokens == pytest.approx(1 / ratio, abs=0.02)


@lingua
@pytest.mark.parametrize("name", LINGUA)
def test_what_runs_in_its_authors_package_is_near_its_budget(name: str, served: ServedTokenizer) -> None:
    tokens = served.count(DOCUMENT)
    [form] = make(name, served).compress(DOCUMENT, "What is it about?", [tokens // 2], np.random.default_rng(0))
    assert form.tokens == served.count(form.text)
    assert form.tokens / tokens == pytest.approx(1 / 2, abs=0.02)


@pytest.mark.parametrize("name", OF_TEXT_IN_ORDER)
def test_what_is_kept_is_in_text_order(name: str, served: ServedTokenizer) -> None:
    rest = iter("".join(DOCUMENT.split()))
    assert all(char in rest for char in "".join(shorten(name, served, DOCUMENT, 400, "CD-ROM?").split()))


@pytest.mark.parametrize("name", BASELINES)
def test_all_budgets_at_once_are_each_budget_alone(name: str, served: ServedTokenizer) -> None:
    method = make(name, served)
    together = method.compress(DOCUMENT, None, [500, 200], np.random.default_rng(5))
    alone = method.compress(DOCUMENT, None, [200], np.random.default_rng(5))
    assert together[1].text == alone[0].text
    assert together[1].tokens == alone[0].tokens
    assert together[0].tokens > together[1].tokens


def test_none_gives_the_text(served: ServedTokenizer) -> None:
    assert shorten("none", served, MIXED, 3) == MIXED


def test_truncate_keeps_the_end(served: ServedTokenizer) -> None:
    assert DOCUMENT.endswith(shorten("truncate", served, DOCUMENT, 300))


def test_head_tail_keeps_both_ends_in_equal_parts(served: ServedTokenizer) -> None:
    kept = shorten("head-tail", served, DOCUMENT, 300)
    head = next(i for i, (a, b) in enumerate(zip(kept, DOCUMENT, strict=False)) if a != b)
    tail = len(kept) - head
    assert DOCUMENT.endswith(kept[-tail + 2 :])
    assert served.count(kept[:head]) == pytest.approx(150, abs=5)


def test_bm25_finds_the_sentence_with_the_questions_words(served: ServedTokenizer) -> None:
    kept = shorten("bm25", served, DOCUMENT, 150, "How many IBYCUS computers are in the country?")
    assert "There are perhaps 400 IBYCUS computers in the country" in kept


def test_bm25_copes_with_a_question_that_shares_no_word(served: ServedTokenizer) -> None:
    assert DOCUMENT.startswith(shorten("bm25", served, DOCUMENT, 100, "Жизнь?")[:40])


def test_sentences_stay_whole_but_for_one(served: ServedTokenizer) -> None:
    context = Context(DOCUMENT, None, served)
    kept = shorten("random-sentence", served, DOCUMENT, 500)
    whole = [sentence for sentence in context.sentences if sentence.strip() in kept]
    assert "".join(context.sentences) == DOCUMENT
    assert 500 - sum(served.count(sentence) for sentence in whole) < max(map(served.count, context.sentences))


def test_entropy_prune_keeps_the_surprising_tokens(served: ServedTokenizer) -> None:
    ids = served.ids(DOCUMENT)
    surprising = sum(CapitalsSurprise(served).surprisal(ids))
    kept = shorten("entropy-prune", served, DOCUMENT, int(surprising))
    assert sum(map(str.isupper, kept)) > 0.9 * sum(map(str.isupper, DOCUMENT))


def test_embedding_finds_the_sentence_that_means_what_the_question_does(served: ServedTokenizer) -> None:
    asked = shorten("embedding", served, DOCUMENT, 150, "There are perhaps how many IBYCUS computers in the country?")
    assert "There are perhaps 400 IBYCUS computers in the country" in asked
    unasked = shorten("embedding", served, DOCUMENT, 150)
    assert unasked == shorten("centroid", served, DOCUMENT, 150)
    assert unasked == shorten("centroid", served, DOCUMENT, 150, "How many computers?") != asked


def test_centroid_keeps_what_the_document_is_about(served: ServedTokenizer) -> None:
    about = "The mill stands by the river and the river turns the mill. "
    text = about * 3 + "Quartz vexes jumping wizards badly. " + about * 3
    assert "Quartz" not in shorten("centroid", served, text, served.count(about * 6))


def test_selective_context_keeps_the_sentences_of_most_self_information(served: ServedTokenizer) -> None:
    text = "nothing here.  " * 20 + "\n\nALICE MET BOB IN ROME.\n\n" + "nothing there. " * 20
    kept = shorten("selective-context-sentence", served, text, 40)
    assert "ALICE MET BOB IN ROME." in kept
    assert "ALICEMETBOB" in shorten("selective-context-token", served, text, 20)
    assert "  " not in kept
    assert "\n" not in kept


def test_selective_context_reads_every_sentence_by_itself(served: ServedTokenizer) -> None:
    read: list[str] = []

    class Reader(CapitalsSurprise):
        def surprisal(self, ids: Sequence[int]) -> FloatArray:
            read.append(self.tokenizer.decode(ids))
            return super().surprisal(ids)

    resources = Resources(served, language_model=Reader(served))
    for name in ("selective-context-token", "selective-context-sentence"):
        read.clear()
        METHODS[name](resources).compress(DOCUMENT, None, [100], np.random.default_rng(0))
        assert [part.strip() for part in read] == [
            sentence.strip() for sentence in Context(" ".join(DOCUMENT.split()), None, served).sentences
        ]


def test_random_methods_go_by_their_generator(served: ServedTokenizer) -> None:
    method = make("random-token", served)
    texts = [method.compress(DOCUMENT, None, [200], np.random.default_rng(seed))[0].text for seed in (1, 1, 2)]
    assert texts[0] == texts[1] != texts[2]


def test_semtoken_gets_the_budget_and_the_question_or_none(served: ServedTokenizer) -> None:
    compressor = RecordingCompressor(served)
    method = METHODS["semtoken"](Resources(served, compressor=compressor))
    method.compress(DOCUMENT, "Why?", [200, 100], np.random.default_rng(0))
    method.compress(DOCUMENT, None, [50], np.random.default_rng(0))
    assert [(query, options.target_tokens) for query, options in compressor.asked] == [
        ("Why?", 200),
        ("Why?", 100),
        ("", 50),
    ]


def test_none_comes_first_and_always(served: ServedTokenizer) -> None:
    built = build_methods(["truncate", "none", "truncate"], Resources(served))
    assert [method.name for method in built] == ["none", "truncate"]


NEEDY = [
    name
    for name, method in METHODS.items()
    if method.needs_language_model or method.needs_encoder or method.needs_compressor
]


@pytest.mark.parametrize("name", ["magic", *NEEDY])
def test_what_cannot_be_built_is_refused(name: str, served: ServedTokenizer) -> None:
    with pytest.raises(InvalidOptionError, match=name) as caught:
        build_methods([name], Resources(served))
    assert caught.value.param == "methods"


def test_names_in_the_registry_are_the_methods_own(served: ServedTokenizer) -> None:
    assert [make(name, served).name for name in METHODS] == list(METHODS)


def test_what_is_slow_or_needs_more_runs_only_when_named() -> None:
    assert {*METHODS} - {*DEFAULT_METHODS} == {
        "llmlingua",
        "longllmlingua",
        "selective-context-token",
        "selective-context-sentence",
        "embedding-merge",
    }
