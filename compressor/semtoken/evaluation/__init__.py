"""Measure what compression saves and what it costs, method against method.

Question answering is in :mod:`semtoken.evaluation.qa`, language modelling in
:mod:`semtoken.evaluation.lm`. Everything but :func:`bundled_demo` needs the extra ``eval``.
"""

from semtoken.evaluation.bundled import Demo, bundled_demo

__all__ = ["Demo", "bundled_demo"]
