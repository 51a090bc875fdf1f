"""The kernels whose instructions the gate counts: `python -m bench.kernels NAME ROUNDS`.

Each runs its compiled loop ROUNDS times on the same input, so that the difference between two
runs under callgrind, divided by the rounds between them, is the kernel's own count.
"""

from __future__ import annotations

import random
import sys
from array import array
from collections.abc import Callable


def depth(rounds: int) -> None:
    from bench.book import BTC, FRAMES
    from bench.book_loops import depth as loop
    from bench.depth_frames import make

    stream = make(FRAMES)
    for _ in range(rounds):
        loop(BTC, stream.snapshot, stream.depth, [])


def top(rounds: int) -> None:
    from bench.book import BTC, FRAMES
    from bench.book_loops import top as loop
    from bench.depth_frames import make

    loop(BTC, make(FRAMES).ticker, rounds)


def change(rounds: int) -> None:
    from bench.book_loops import change as loop

    draw = random.Random(7)
    prices = [6_400_000 - min(999, int(draw.expovariate(1 / 5))) for _ in range(20_000)]
    sizes = [0 if draw.random() < 0.25 else draw.randrange(1, 10**9) for _ in prices]
    loop(prices, sizes, rounds)


def gate(rounds: int) -> None:
    from bench.gate_kernel import prepared
    from bench.gate_loops import both_steps

    both_steps(prepared(), rounds * 1000, 1)


def ring(rounds: int) -> None:
    from bench.ring_loops import local
    from hotpath.ring import Outbox, Reader

    outbox = Outbox.private(1 << 16, 1)
    local(outbox, Reader.of(outbox), rounds * 1000)


def histogram(rounds: int) -> None:
    from bench.ring_loops import record
    from hotpath.histogram import Histogram

    draw = random.Random(1)
    values = array("q", [int(draw.lognormvariate(8, 1.5)) for _ in range(2000)])
    record(Histogram.private(), values, rounds)


KERNELS: dict[str, tuple[Callable[[int], None], int]] = {
    "depth": (depth, 10),
    "top": (top, 10),
    "change": (change, 10),
    "gate": (gate, 10),
    "ring": (ring, 20),
    "histogram": (histogram, 20),
}
"""Name to (loop, rounds between the two runs that are compared)."""


if __name__ == "__main__":
    KERNELS[sys.argv[1]][0](int(sys.argv[2]))
