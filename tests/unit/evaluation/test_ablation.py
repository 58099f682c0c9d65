from __future__ import annotations

import numpy as np
import pytest
from semtoken import CompressionOptions, CompressionResult, Compressor
from semtoken.compressor import DEFAULTS
from semtoken.errors import InvalidOptionError
from semtoken.evaluation.ablation import STAGES, ablations
from semtoken.evaluation.bundled import bundled_demo
from semtoken.evaluation.methods import Method, Resources, build_methods
from semtoken.tokenizer import ServedTokenizer


class Recorder:
    """The library with a memory of its options."""

    def __init__(self, compressor: Compressor) -> None:
        self._compressor = compressor
        self.asked: list[CompressionOptions] = []

    def compress(
        self, text: str, query: str | None = None, options: CompressionOptions = DEFAULTS
    ) -> CompressionResult:
        self.asked.append(options)
        return self._compressor.compress(text, query, options)


def shortened(method: Method) -> str:
    demo = bundled_demo()
    [short] = method.compress(demo.document[:6000], demo.question, [400], np.random.default_rng(0))
    assert short.tokens <= 400
    return short.text


@pytest.mark.model
def test_each_method_lacks_its_stage_and_no_other(compressor: Compressor) -> None:
    recorder = Recorder(compressor)
    methods = ablations(STAGES, Resources(compressor.tokenizer, compressor=recorder))
    assert [method.name for method in methods] == [f"semtoken-without-{stage}" for stage in STAGES]
    for method, stage in zip(methods, STAGES, strict=True):
        shortened(method)
        assert {name for name, on in recorder.asked[-1].stages.model_dump().items() if not on} == {stage}
        assert recorder.asked[-1].target_tokens == 400


@pytest.mark.model
def test_without_the_question_stage_another_text_stays(compressor: Compressor) -> None:
    resources = Resources(compressor.tokenizer, compressor=compressor)
    whole = build_methods(["semtoken"], resources)[-1]
    [blind] = ablations(["relevance"], resources)
    assert shortened(whole) != shortened(blind)


def test_an_unknown_stage_and_no_compressor_are_refused(served: ServedTokenizer) -> None:
    with pytest.raises(InvalidOptionError, match=r"no stage 'magic'; there are encode, cluster"):
        ablations(["magic"], Resources(served))
    with pytest.raises(InvalidOptionError, match="'semtoken-without-density' needs an encoder"):
        ablations(["density"], Resources(served))
