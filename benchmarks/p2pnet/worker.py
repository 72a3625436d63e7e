"""A process for one variant: for every line it is sent it does the job once and answers with JSON.

Each variant has a process of its own because memory that was once taken may not be given back, and keeps it because
alternating runs should not pay for imports. While one works the others wait for their next line. The peak of the memory
is counted from when the model is built and the inputs are made; both, and the libraries, are in it.
"""

from __future__ import annotations

import gc
import json
import statistics
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from baselines.p2pnet.memory import ask_for_huge_pages
from benchmarks.p2pnet.variants import Variant, run_of
from benchmarks.performance.measure import resident

GIB = 2**30


@dataclass(frozen=True, slots=True)
class Measured:
    """A variant's runs, in order, and its process's resident memory in bytes: before the first run, and the peak.

    The first run, ``first``, is not among ``runs`` where there are more: it fills the caches.
    """

    variant: Variant
    first: dict[str, float]
    runs: list[dict[str, float]]
    at_rest: int
    peak: int

    @property
    def seconds(self) -> float:
        """The median."""
        return statistics.median(run["seconds"] for run in self.runs)

    @property
    def share(self) -> float:
        """The median share of matcher and losses."""
        return statistics.median((run["matcher"] + run["losses"]) / run["seconds"] for run in self.runs)

    def times_faster(self, than: Measured) -> float:
        """The median ratio of runs of the same round."""
        pairs = zip(than.runs, self.runs, strict=True)
        return statistics.median(theirs["seconds"] / ours["seconds"] for theirs, ours in pairs)


def alternating(variants: Sequence[Variant], rounds: int) -> list[Measured]:
    """Measure variants in turn, ``rounds`` times after a first; every other round goes backwards.

    With no rounds the first run is what is measured.
    """
    with ExitStack() as stack:
        workers = [stack.enter_context(_Worker(variant)) for variant in variants]
        answers: list[list[dict[str, Any]]] = [[] for _ in workers]
        for number in range(rounds + 1):
            for index in sorted(range(len(workers)), reverse=number % 2 == 1):
                answers[index].append(workers[index].answer())
                print(f"{variants[index].name}: {answers[index][-1]['seconds']:.3g} s", file=sys.stderr)
    return [
        Measured(worker.variant, runs[0], runs[1:] or runs, worker.at_rest, runs[-1]["peak"])
        for worker, runs in zip(workers, answers, strict=True)
    ]


class _Worker:
    """The process, seen from the one that asks."""

    def __init__(self, variant: Variant):
        self.variant, self.at_rest = variant, 0
        command = [sys.executable, "-m", "benchmarks.p2pnet.worker", json.dumps(asdict(variant))]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self) -> _Worker:
        self.at_rest = self._read()["at_rest"]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate()

    def answer(self) -> dict[str, Any]:
        """Have the job done once."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return self._read()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"a measuring process ended early, with {self._process.wait()}")
        return json.loads(line)


def main() -> None:
    variant = Variant(**json.loads(sys.argv[1]))
    if not variant.slow:
        ask_for_huge_pages()
    run = run_of(variant)
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")  # VmHWM is what is resident now
    print(json.dumps({"at_rest": resident("VmHWM")}), flush=True)
    for _ in sys.stdin:
        answer = run()
        print(json.dumps({**answer, "peak": resident("VmHWM")}), flush=True)


if __name__ == "__main__":
    main()
