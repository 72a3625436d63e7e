"""How often the suspected frame is wrong, and how often a fault is named: ``python -m benchmarks.frames``.

Weak predictors and chance must raise nothing; predictions in another frame must be named, from one image to six.
"""

from __future__ import annotations

from collections import Counter

import numpy as np

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


if __name__ == "__main__":
    main()
