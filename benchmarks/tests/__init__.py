"""Unit tests of the benchmarks\x27 own arithmetic, files and loop. They measure nothing."""
