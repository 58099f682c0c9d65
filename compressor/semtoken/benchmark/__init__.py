"""Speed of the compressor, beside its peers and by length of text."""

from semtoken.benchmark.compressor import Bench, BenchRow, run_bench
from semtoken.benchmark.floor import Floor, Shape, measure_floor
from semtoken.benchmark.texts import cut, running_text, windows

__all__ = ["Bench", "BenchRow", "Floor", "Shape", "cut", "measure_floor", "run_bench", "running_text", "windows"]
