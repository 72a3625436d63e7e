"""A stopwatch over the stages of the pipeline: it wraps functions where they are called and books each one's own time.

A stage entered within another interrupts its clock, so the times of all stages add up to the whole.
"""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Callable
from time import perf_counter
from typing import Any


class Stopwatch:
    """Seconds by stage; a stage within another is booked as ``outer/inner``."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self._stack: list[str] = []
        self._since = perf_counter()

    def wrap(self, owner: Any, name: str, stage: str) -> None:
        """Time every later call of ``owner.name`` under this stage."""
        setattr(owner, name, self.timed(getattr(owner, name), stage))

    def timed(self, function: Callable[..., Any], stage: str) -> Callable[..., Any]:
        """Return the function with its calls timed."""

        @functools.wraps(function)
        def call(*args: Any, **options: Any) -> Any:
            self._book()
            self._stack.append(f"{self._stack[-1]}/{stage}" if self._stack else stage)
            try:
                return function(*args, **options)
            finally:
                self._book()
                self._stack.pop()

        return call

    def within(self, stage: str) -> float:
        """Return the seconds of a stage with everything inside it."""
        return sum(s for path, s in self.seconds.items() if f"/{path}/".startswith(f"/{stage}/"))

    def of(self, stage: str) -> float:
        """Return the seconds of a stage wherever it was entered."""
        return sum(s for path, s in self.seconds.items() if stage in path.split("/"))

    def _book(self) -> None:
        now = perf_counter()
        if self._stack:
            self.seconds[self._stack[-1]] += now - self._since
        self._since = now


def watch_trees(watch: Stopwatch) -> None:
    """Time the building of every k-d tree as ``build`` and its queries as ``query``."""
    from scipy.spatial import cKDTree

    from crowdeval.matching import neighbours

    class TimedTree(cKDTree):
        query = watch.timed(cKDTree.query, "query")
        query_ball_point = watch.timed(cKDTree.query_ball_point, "query")

    neighbours.cKDTree = watch.timed(TimedTree, "build")


def watch_matching(watch: Stopwatch) -> None:
    """Time the stages of nAP: ``scale``, ``candidates``, ``rounds`` and ``curves``."""
    from crowdeval.metrics import nap

    watch_trees(watch)
    watch.wrap(nap, "knn_scales", "scale")
    watch.wrap(nap, "candidates", "candidates")
    watch.wrap(nap, "sequential_matches", "rounds")
    watch.wrap(nap, "precisions", "curves")
