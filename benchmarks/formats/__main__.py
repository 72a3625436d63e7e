"""Reading in ratios of one run: a folder of 5,000 small files against their bytes: ``python -m benchmarks.formats``."""

from __future__ import annotations

import json
import statistics
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from crowdeval import read_annotations, read_predictions

FILES, TURNS = 5_000, 7


def seconds(step):
    start = time.perf_counter()
    step()
    return time.perf_counter() - start


def read_bytes(folder):
    for path in sorted(folder.iterdir()):
        path.read_bytes()


def rows(folder, random, points, width):
    for i in range(FILES):
        table = random.uniform(0, 1, (random.integers(0, 2 * points), width))
        table[:, :2] *= 1000
        text = "".join(" ".join(f"{value:.4g}" for value in row) + "\n" for row in table)
        (folder / f"IMG_{i}.txt").write_text(text)


def yolo(folder, random, points):
    for i in range(FILES):
        table = random.uniform(0.1, 0.9, (random.integers(0, 2 * points), 5))
        text = "".join("0 " + " ".join(f"{value:.6f}" for value in row) + "\n" for row in table)
        (folder / f"IMG_{i}.txt").write_text(text)


def labelme(folder, random, points):
    for i in range(FILES):
        shapes = [
            {"label": "head", "points": [xy], "shape_type": "point"}
            for xy in random.uniform(0, 1000, (random.integers(0, 2 * points), 2)).round(2).tolist()
        ]
        document = {"version": "5", "shapes": shapes, "imagePath": f"IMG_{i}.jpg", "imageWidth": 9, "imageHeight": 9}
        (folder / f"IMG_{i}.json").write_text(json.dumps(document))


CASES = {
    "x y confidence, 10 points a file": (lambda f, r: rows(f, r, 10, 3), read_predictions),
    "x y confidence, 25 points a file": (lambda f, r: rows(f, r, 25, 3), read_predictions),
    "x y, 10 points a file": (lambda f, r: rows(f, r, 10, 2), read_annotations),
    "YOLO, 10 boxes a file": (lambda f, r: yolo(f, r, 10), read_predictions),
    "LabelMe, 10 points a file": (lambda f, r: labelme(f, r, 10), read_annotations),
}


def main():
    for name, (make, read) in CASES.items():
        with TemporaryDirectory() as place:
            folder = Path(place)
            make(folder, np.random.default_rng(0))
            read(folder)
            pairs = [
                (seconds(lambda f=folder: read_bytes(f)), seconds(lambda f=folder, r=read: r(f))) for _ in range(TURNS)
            ]
        ratio = statistics.median(ours / base for base, ours in pairs)
        base = statistics.median(base for base, _ in pairs)
        print(f"{name:34} bytes {1000 * base:6.0f} ms   read {ratio:6.2f} times that")


if __name__ == "__main__":
    main()
