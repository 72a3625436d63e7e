"""One scene in a process of its own: time, memory, stages, and the textbook loop beside it; prints JSON.

Memory is the peak resident size (VmHWM) over what the process held after its imports and before the scene was read.
"""

from __future__ import annotations

import json
import statistics
import sys
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np

from benchmarks.performance.scenes import HEIGHT, WIDTH, Scene
from benchmarks.performance.stages import Stopwatch, watch_matching
from benchmarks.performance.textbook import average_precision, image_flags
from crowdeval.evaluation import evaluate
from crowdeval.metrics.nap import NormalizedMatching, match_normalized
from crowdeval.points import Annotations, Predictions
from crowdeval.ranges import parse_range

DELTAS = parse_range("0.05:0.05:0.5")
REPEATS, PATIENCE = 7, 12.0
"""Timed runs, and the seconds after which no further one is begun."""


def resident(field: str) -> int:
    """Return a field of the process's memory in bytes: VmRSS now, VmHWM the peak."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024
    raise KeyError(field)


def columns(scene: Scene) -> tuple[Predictions, Annotations]:
    """Return the scene as crowdeval's values, sharing its arrays."""
    ids = [f"IMG_{i}" for i in range(scene.images)]
    sizes = np.tile((WIDTH, HEIGHT), (scene.images, 1))
    return (
        Predictions(image_ids=ids, offsets=scene.offsets, xy=scene.xy, score=scene.score),
        Annotations(image_ids=ids, offsets=scene.true_offsets, xy=scene.true_xy, sizes=sizes),
    )


def cost(scene_folder: Path) -> tuple[Scene, dict[str, Any]]:
    """Read a scene and evaluate it: memory of the first run, median time of all, stages of the median run."""
    baseline = resident("VmRSS")
    scene = Scene.load(scene_folder)
    predictions, annotations = columns(scene)
    before = resident("VmRSS")
    runs: list[tuple[float, float, Stopwatch]] = []
    started, watch = perf_counter(), Stopwatch()
    watch_matching(watch)
    while not runs or (len(runs) < REPEATS and perf_counter() - started < PATIENCE):
        watch.seconds.clear()
        wall, cpu = perf_counter(), process_time()
        report = evaluate(predictions, annotations)
        wall, cpu = perf_counter() - wall, process_time() - cpu
        runs.append((wall, cpu, dict(watch.seconds)))
        if len(runs) == 1:
            peak = resident("VmHWM")
    wall = statistics.median_low(run[0] for run in runs)
    watch.seconds.update(next(stages for seconds, _, stages in runs if seconds == wall))
    return scene, {
        "predictions": len(scene.xy),
        "truths": len(scene.true_xy),
        "images": scene.images,
        "wall": wall,
        "fastest": min(run[0] for run in runs),
        "cpu": statistics.median_low(run[1] for run in runs),
        "runs": len(runs),
        "bytes": (peak - before) / len(scene.xy),
        "bytes_with_inputs": (peak - baseline) / len(scene.xy),
        "stages": shares(watch, wall),
        "nap": report["nAP"],
    }


def shares(watch: Stopwatch, wall: float) -> dict[str, float]:
    """Return seconds by stage; ``rest`` is notices, counting errors and fingerprints."""
    stages = {
        "tree": watch.within("build"),
        "d_k": watch.within("scale"),
        "queries": watch.within("candidates/query"),
        "ranking": watch.seconds["candidates"],
        "rounds": watch.within("rounds"),
        "curves": watch.within("curves"),
    }
    return stages | {"rest": wall - sum(stages.values())}


def against_the_loop(scene: Scene, ours: dict[str, Any], sample: int) -> dict[str, Any]:
    """Run the textbook loop on ``sample`` images, or all, and compare the flags (and with all images nAP)."""
    match = match_normalized(scene.xy, scene.offsets, scene.score, scene.true_xy, scene.true_offsets, deltas=DELTAS)
    flags = every_flag(match, len(scene.xy))
    by_size = np.argsort(np.diff(scene.offsets) * np.diff(scene.true_offsets), kind="stable")
    images = by_size[np.unique(np.linspace(0.5, len(by_size) - 0.5, min(sample, len(by_size))).astype(int))]
    rows = np.concatenate([np.arange(*scene.offsets[i : i + 2]) for i in images])
    seconds = {}
    for name, shared in (("loop", False), ("shared", True)):
        start = perf_counter()
        found = [image_flags(*scene.part(i), DELTAS, shared=shared) for i in images]
        # The sample goes evenly through the images by size, so its share of the predictions is its share of the time.
        seconds[name] = (perf_counter() - start) * len(scene.xy) / len(rows)
    found = np.concatenate(found, axis=1)
    result = {**seconds, "images": len(images), "identical": bool((found == flags[:, rows]).all())}
    if len(images) == scene.images:
        aps = [average_precision(f[np.argsort(rows)], scene.score, len(scene.true_xy)) for f in found]
        result["difference"] = abs(float(np.mean(aps)) - ours["nap"])
    return result


def every_flag(match: NormalizedMatching, predictions: int) -> np.ndarray:
    """Return the true-positive flag of every prediction at every delta, (D, M)."""
    flags = np.zeros((len(match.deltas), predictions), dtype=bool)
    flags[:, match.table.prediction] = match.flags
    return flags


def main() -> None:
    folder, sample = Path(sys.argv[1]), int(sys.argv[2])
    scene, result = cost(folder)
    if sample:
        result["textbook"] = against_the_loop(scene, result, sample)
    json.dump(result, sys.stdout)


if __name__ == "__main__":
    main()
