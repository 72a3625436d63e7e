"""One scene in a process of its own: time, memory, stages, and the textbook loop beside it; prints JSON.

Memory is the peak resident size (VmHWM) over what the process held after its imports and before the scene was read.
"""

from __future__ import annotations

import json
import statistics
import sys
from collections import Counter
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np

from benchmarks.performance.scenes import HEIGHT, WIDTH, Scene
from benchmarks.performance.stages import Stopwatch, watch_matching
from benchmarks.performance.textbook import average_precision, image_flags
from crowdeval.evaluation.evaluate import evaluate
from crowdeval.metrics.evidence import Evidence, bit
from crowdeval.metrics.nap import COLUMN, NormalizedMatching, match_normalized
from crowdeval.metrics.ranking import precisions
from crowdeval.metrics.strings import parse_range
from crowdeval.points.sets import Annotations, Predictions

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
    """Return the scene as crowdeval's values, which copy its arrays."""
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
    own = sum(each.nbytes for each in (scene.xy, scene.score, scene.offsets, scene.true_xy, scene.true_offsets))
    runs: list[tuple[float, float, dict[str, float]]] = []
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
        "bytes_with_inputs": (peak - baseline - own) / len(scene.xy),
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


def against_the_loop(scene: Scene, sample: int) -> dict[str, Any]:
    """Run the textbook loop on ``sample`` images, or all, and nAP of the whole scene in its pauses; compare the flags.

    The sample goes evenly through the images in order of size, so its share of the predictions stands for its share
    of the time.
    """
    size = np.diff(scene.offsets) * np.diff(scene.true_offsets)
    images = np.argsort(size, kind="stable")[np.linspace(0, scene.images - 1, min(sample, scene.images)).astype(int)]
    rows = np.concatenate([np.arange(*scene.offsets[i : i + 2]) for i in images])
    ours, seconds, found = [], Counter(), []
    for part in np.array_split(images, min(REPEATS, len(images))):
        start = perf_counter()
        match = match_normalized(scene.predicted, scene.score, scene.true, deltas=DELTAS)
        values = list(pooled(scene, match).values())
        ours.append(perf_counter() - start)
        for name, shared in (("shared", True), ("loop", False)):
            start = perf_counter()
            flags = [image_flags(*scene.part(i), DELTAS, shared=shared) for i in part]
            seconds[name] += perf_counter() - start
        found += flags
    flags = np.concatenate(found, axis=1)
    result = {name: spent * len(scene.xy) / len(rows) for name, spent in seconds.items()}
    result |= {"nap": statistics.median(ours), "images": len(images)}
    result["identical"] = bool((flags == every_flag(match, len(scene.xy))[:, rows]).all())
    if len(images) == scene.images:
        theirs = [average_precision(f, scene.score[rows], len(scene.true_xy)) for f in flags]
        result["difference"] = float(np.abs(np.subtract(values, theirs)).max())
    return result


def every_flag(match: NormalizedMatching, predictions: int) -> np.ndarray:
    """Return the true-positive flag of every prediction at every delta, (D, M)."""
    assert len(match.bits) == predictions
    return np.array([bit(match.bits, n) for n in range(len(DELTAS))])


def pooled(scene: Scene, match: NormalizedMatching) -> dict[float, float]:
    """Return average precision at every delta, as the family of nAP takes it from evidence."""
    evidence = Evidence(
        image_ids=tuple(map(str, range(scene.images))),
        offsets=scene.offsets,
        score=scene.score,
        images={"true": np.diff(scene.true_offsets)},
        rows={COLUMN: match.bits},
        thresholds={COLUMN: DELTAS},
    )
    return precisions(evidence, COLUMN, DELTAS)


def main() -> None:
    folder, sample = Path(sys.argv[1]), int(sys.argv[2])
    scene, result = cost(folder)
    if sample:
        result["textbook"] = against_the_loop(scene, sample)
    json.dump(result, sys.stdout)


if __name__ == "__main__":
    main()
