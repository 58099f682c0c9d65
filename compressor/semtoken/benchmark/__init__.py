"""Speed of the compressor, beside its peers and by length of text."""

from semtoken.benchmark.compressor import Bench, BenchRow, run_bench
from semtoken.benchmark.texts import cut, running_text, windows

__all__ = ["Bench", "BenchRow", "cut", "run_bench", "running_text", "windows"]
