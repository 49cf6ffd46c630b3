"""Rounds, medians and ratios. A figure of ours is always taken in the same run as its peer's.

Absolute times of a shared machine mean little; the ratio of two medians of one interleaved run
means something. Nothing here asserts.
"""

import json
import statistics
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

Samples = list[float]  # seconds


def percentile(samples: Iterable[float], q: float) -> float:
    """Nearest-rank percentile, `q` in 0…1; NaN without samples."""
    ordered = sorted(samples)
    if not ordered:
        return float("nan")
    return ordered[min(len(ordered) - 1, int(len(ordered) * q))]


def gaps(moments: Sequence[float]) -> Samples:
    return [later - earlier for earlier, later in pairwise(moments)]


def in_ms(samples: Samples) -> dict[str, float]:
    return {
        "n": len(samples),
        "p50_ms": round(percentile(samples, 0.5) * 1e3, 3),
        "p95_ms": round(percentile(samples, 0.95) * 1e3, 3),
        "p99_ms": round(percentile(samples, 0.99) * 1e3, 3),
    }


@dataclass
class Interleaved:
    """Several ways of doing one thing, taken in turns so that noise hits all alike.

    The first way added is the peer that the ratios are told against.
    """

    title: str
    ways: dict[str, Callable[[], Samples]] = field(default_factory=dict)

    def add(self, name: str, way: Callable[[], Samples]) -> None:
        self.ways[name] = way

    def run(self, rounds: int) -> None:
        for way in self.ways.values():
            way()  # warm-up, not counted
        taken: dict[str, Samples] = {name: [] for name in self.ways}
        ratios: dict[str, list[float]] = {name: [] for name in self.ways}
        peer = next(iter(self.ways))
        for _ in range(rounds):
            turn = {name: way() for name, way in self.ways.items()}
            for name, samples in turn.items():
                taken[name] += samples
                ratios[name].append(percentile(samples, 0.5) / percentile(turn[peer], 0.5))
        for name in self.ways:
            report(
                self.title,
                name,
                **in_ms(taken[name]),
                ratio_to={"peer": peer, **spread(ratios[name])},
            )


def spread(values: Sequence[float]) -> dict[str, float]:
    return {
        "min": round(min(values), 3),
        "median": round(statistics.median(values), 3),
        "max": round(max(values), 3),
    }


def report(benchmark: str, what: str, **figures: object) -> None:
    """One JSON line a figure, so that runs can be compared by a program."""
    sys.stdout.write(json.dumps({"benchmark": benchmark, "what": what, **figures}) + "\n")
    sys.stdout.flush()
