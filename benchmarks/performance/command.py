"""The command line from the outside: where a whole ``crowdeval score`` spends its time, and what ``--help`` costs."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from pathlib import Path
from time import perf_counter, time
from typing import Any

from benchmarks.performance.measure import columns
from benchmarks.performance.scenes import scene

PAIRS, SCORES = 21, 7


def score_share(points: int, folder: Path, seed: int) -> dict[str, Any]:
    """Return the median share of ``crowdeval score``'s wall time that is neither reading nor tree queries."""
    from crowdeval import write_annotations, write_predictions

    predictions, annotations = columns(scene(max(points // 1200, 1), points, points, seed))
    files = [str(folder / "predictions.json"), str(folder / "annotations.json")]
    write_predictions(predictions, files[0])
    write_annotations(annotations, files[1])
    runs = []
    for _ in range(SCORES):
        born = time()
        command = [sys.executable, "-m", "benchmarks.performance.timed_score", str(born), "score", "--quiet", *files]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        wall = time() - born
        runs.append({"wall": wall, **json.loads(done.stderr.splitlines()[-1])})
    for run in runs:
        run["share"] = 1 - (run["reading"] + run["tree queries"]) / run["wall"]
    runs.sort(key=lambda run: run["share"])
    middle = runs[len(runs) // 2]
    return {
        **middle,
        "points": points,
        "runs": len(runs),
        "lowest": runs[0]["share"],
        "highest": runs[-1]["share"],
        "megabytes": sum(Path(file).stat().st_size for file in files) / 1e6,
    }


def help_ratio() -> dict[str, Any]:
    """Return the median ratio of ``crowdeval --help`` to ``import click``, run in alternating pairs."""
    installed = Path(sys.executable).with_name("crowdeval")
    ours = [str(installed)] if installed.exists() else [sys.executable, "-c", "from crowdeval.cli import main; main()"]
    theirs = [sys.executable, "-c", "import click"]
    ours.append("--help")
    pairs = []
    for i in range(PAIRS + 1):
        first, second = (ours, theirs) if i % 2 else (theirs, ours)
        seconds = {command[0] + command[-1]: _seconds(command) for command in (first, second)}
        pairs.append((seconds[ours[0] + ours[-1]], seconds[theirs[0] + theirs[-1]]))
    ratios = sorted(a / b for a, b in pairs[1:])  # the first pair fills the caches
    return {
        "ratio": statistics.median(ratios),
        "lowest": ratios[0],
        "highest": ratios[-1],
        "pairs": len(ratios),
        "help": statistics.median(a for a, _ in pairs[1:]),
        "click": statistics.median(b for _, b in pairs[1:]),
        "installed": installed.exists(),
    }


def _seconds(command: list[str]) -> float:
    start = perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return perf_counter() - start
