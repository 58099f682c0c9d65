"""SemToken with one of its scoring stages switched off, as methods beside the whole."""

from __future__ import annotations

from collections.abc import Sequence

from semtoken.compressor import DEFAULTS
from semtoken.datamodels import CompressionResult
from semtoken.errors import InvalidOptionError
from semtoken.evaluation.methods import Method, Resources
from semtoken.evaluation.methods.base import TextCompressor
from semtoken.evaluation.methods.semtoken import SemToken
from semtoken.options import CompressionOptions, Stages

STAGES = tuple(Stages.model_fields)
"""Names of the stages that can be switched off."""


class WithoutStage:
    """A compressor with one stage off, whatever the options say of it."""

    def __init__(self, compressor: TextCompressor, stage: str) -> None:
        self._compressor = compressor
        self._stage = stage

    def compress(
        self, text: str, query: str | None = None, options: CompressionOptions = DEFAULTS
    ) -> CompressionResult:
        """Compress one text without the stage."""
        stages = options.stages.model_copy(update={self._stage: False})
        return self._compressor.compress(text, query, options.model_copy(update={"stages": stages}))


def require_stages(names: Sequence[str]) -> None:
    """Raise ``InvalidOptionError`` for a name that is no stage's."""
    for name in names:
        if name not in STAGES:
            raise InvalidOptionError(f"no stage {name!r}; there are {', '.join(STAGES)}", param="ablate")


def ablations(stages: Sequence[str], resources: Resources) -> list[Method]:
    """The method ``semtoken-without-STAGE`` for each stage.

    Raises ``InvalidOptionError`` for an unknown stage, or where ``resources`` have no compressor.
    """
    require_stages(stages)
    return [_without(stage)(resources) for stage in stages]


def _without(stage: str) -> type[SemToken]:
    class Ablated(SemToken):
        """SemToken without one stage."""

        name = f"{SemToken.name}-without-{stage}"

        def __init__(self, resources: Resources) -> None:
            super().__init__(resources)
            self._compressor = WithoutStage(self._compressor, stage)

    return Ablated
