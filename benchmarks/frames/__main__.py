"""How often the suspected frame is wrong, and how often a fault is named: ``python -m benchmarks.frames``.

Weak predictors and chance must raise nothing; predictions in another frame must be named, from one image to six. With
``PREDICTIONS ANNOTATIONS`` the pair is tried as it is, and under twelve faults.
"""

from __future__ import annotations

import sys
import warnings
from collections import Counter

import numpy as np

from crowdeval import align, read_annotations, read_predictions
from crowdeval.datasets import is_dataset_spec, open_dataset
from crowdeval.matching.frames import suspect_frame
from crowdeval.points.ragged import Ragged

SIZES = np.array(
    [[1024.0, 768.0], [640.0, 480.0], [2048.0, 1536.0], [900.0, 1200.0], [1000.0, 1000.0], [1600.0, 900.0]]
)
PEOPLE, IMAGES, SEEDS = (2, 4, 8, 25, 120), (1, 2, 3, 6), 30


def crowd(random, people, sizes):
    xy = [size * np.column_stack([random.random(people), random.random(people) ** 1.7]) for size in sizes]
    return Ragged(np.concatenate(xy), np.arange(len(sizes) + 1) * people)


def moved(random, true, noise, lost):
    points = true.where(random.random(len(true)) >= lost)
    return Ragged(points.xy + random.normal(0, noise, points.xy.shape), points.offsets)


def faults(points, sizes):
    size = np.repeat(sizes, points.counts, axis=0)
    frames = {
        "yx": points.xy[:, ::-1],
        "y-up": np.column_stack([points.xy[:, 0], size[:, 1] - points.xy[:, 1]]),
        "normalized": points.xy / size,
        "512x512": 512 * points.xy / size,
        "max-side:800": points.xy * np.minimum(1, 800 / size.max(axis=1, keepdims=True)),
        "stride:8": points.xy / 8,
    }
    return {name: Ragged(np.ascontiguousarray(xy), points.offsets) for name, xy in frames.items()}


def main():
    alarms, tried, named = Counter(), Counter(), Counter()
    for seed in range(SEEDS):
        random = np.random.default_rng(seed)
        for people in PEOPLE:
            for images in IMAGES:
                sizes = SIZES[:images]
                true = crowd(random, people, sizes)
                sound = {
                    "noise 20 px, half lost": moved(random, true, 20, 0.5),
                    "noise 80 px": moved(random, true, 80, 0.3),
                    "chance": crowd(random, people, sizes),
                }
                for name, predicted in sound.items():
                    tried[name] += 1
                    alarms[name] += suspect_frame(predicted, None, true, sizes) is not None
                for frame, predicted in faults(moved(random, true, 1, 0.05), sizes).items():
                    found = suspect_frame(predicted, None, true, sizes)
                    tried[frame, people * images] += 1
                    named[frame, people * images] += found is not None and found.frame == frame
    for name in list(alarms):
        print(f"{name:24}{alarms[name]:6} alarms in {tried[name]:6} sets")
    sizes = sorted({key[1] for key in tried if isinstance(key, tuple)})
    print(f"\n{'true points of the set':24}" + "".join(f"{size:>6}" for size in sizes))
    for frame in dict.fromkeys(key[0] for key in tried if isinstance(key, tuple)):
        shares = "".join(f"{named[frame, size] / tried[frame, size]:6.0%}" for size in sizes)
        print(f"{frame:24}{shares}")


def twelve_faults(points, sizes):
    """The points of a real set in other frames; those that need sizes only where there are some."""
    xy = points.xy
    moved_xy = {"yx": xy[:, ::-1], "stride:8": xy / 8, "scale:2": xy / 2, "scale:0.7": xy / 0.7}
    if sizes is not None:
        size = np.repeat(sizes, points.counts, axis=0)
        moved_xy |= {
            "normalized": xy / size,
            "percent": 100 * xy / size,
            "permille": 1000 * xy / size,
            "y-up": np.column_stack([xy[:, 0], size[:, 1] - xy[:, 1]]),
            "x-left": np.column_stack([size[:, 0] - xy[:, 0], xy[:, 1]]),
            "512x512": 512 * xy / size,
            "max-side:512": xy * np.minimum(1, 512 / size.max(axis=1, keepdims=True)),
            "yx,normalized": (xy / size)[:, ::-1],
        }
    return {name: np.ascontiguousarray(table) for name, table in moved_xy.items()}


def real(predictions, annotations):
    """Print what is suspected of a real pair of files, as it is and under each fault."""
    warnings.simplefilter("ignore")
    truth = open_dataset(annotations).annotations if is_dataset_spec(annotations) else read_annotations(annotations)
    found, truth = align(read_predictions(predictions), truth, missing="empty", id_style="stem")
    sizes = None if truth.sizes is None or np.isnan(truth.sizes).any() else truth.sizes
    suspicion = suspect_frame(found.points, found.score, truth.points, sizes)
    print(f"{'as it is':16}{'nothing' if suspicion is None else suspicion.text}")
    for name, xy in twelve_faults(found.points, sizes).items():
        suspicion = suspect_frame(Ragged(xy, found.offsets), found.score, truth.points, sizes)
        print(f"{name:16}{'nothing' if suspicion is None else suspicion.text}")


if __name__ == "__main__":
    main() if len(sys.argv) == 1 else real(*sys.argv[1:])
