"""The figures of the rules, with room for a slow or busy machine; `make bench` gives the real ones."""

from __future__ import annotations

from rules.bench import bench_engine


def test_speed_and_memory_are_of_the_right_size() -> None:
    figures = bench_engine(30_000, 0.5)
    assert figures["assets"] == 30_000
    assert figures["readings_per_second"] > 30_000
    assert figures["bytes_per_asset"] < 3_000
    assert figures["readings"] > 0
