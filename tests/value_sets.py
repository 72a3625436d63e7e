"""The sets whose every value is written down in tests/golden/values: generated crowds, the example, real data.

Random numbers come from ``random.Random``, whose sequence Python promises to keep.
"""

import gzip
import json
import random
from pathlib import Path

import numpy as np

from crowdeval import Annotations, Predictions, read_annotations, read_predictions

ROOT = Path(__file__).resolve().parent.parent


class Side:
    """Points image by image, gathered into columns."""

    def __init__(self):
        self.images, self.score = [], []

    def add(self, rows, scores=()):
        self.images.append(rows)
        self.score += scores

    def columns(self):
        counts = [len(rows) for rows in self.images]
        return {
            "image_ids": [f"IMG_{i + 1}" for i in range(len(counts))],
            "offsets": np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
            "xy": np.array([point for rows in self.images for point in rows], dtype=float).reshape(-1, 2),
        }


def _crowd(seed, counts, *, grid, levels, side=600, miss=0.15, extra=0.3, near=6.0):
    """Return columns of predictions and annotations: true points with clumps, predictions near most of them.

    ``grid`` is the step of the coordinates (ties in distance where it is coarse), ``levels`` how many confidences
    there are.
    """
    draw = random.Random(seed)

    def rounded(value):
        return round(value / grid) * grid if grid else value

    predicted, true = Side(), Side()
    for count in counts:
        rows = []
        for _ in range(count):
            if rows and draw.random() < 0.4:
                x, y = draw.choice(rows)
                rows.append((rounded(x + draw.gauss(0, 8)), rounded(y + draw.gauss(0, 8))))
            else:
                rows.append((rounded(draw.uniform(-5, side + 5)), rounded(draw.uniform(-5, side * 0.75 + 5))))
        true.add(rows)
        found = [
            (rounded(x + draw.gauss(0, near)), rounded(y + draw.gauss(0, near)))
            for x, y in rows
            if draw.random() > miss
        ]
        found += [
            (rounded(draw.uniform(0, side)), rounded(draw.uniform(0, side * 0.75)))
            for _ in range(int(count * extra) + draw.randrange(3))
        ]
        predicted.add(found, [1 + int(draw.random() * levels) for _ in found])
    score = np.array(predicted.score, dtype=float) / levels
    return {**predicted.columns(), "score": score}, true.columns()


def _boxes(seed, xy):
    """Head boxes of many sizes, whole and fractional."""
    draw = random.Random(seed)
    sides = [(draw.choice([1.5, 3, 8, 11, 25.25, 60, 261]), draw.choice([2, 3.5, 9, 14, 30, 75.5])) for _ in xy]
    half = np.array(sides, dtype=float).reshape(-1, 2) / 2
    return np.concatenate([xy - half, xy + half], axis=1)


def _attributes(seed, images):
    draw = random.Random(seed)
    return {
        "scene_level": np.array([draw.randrange(5) for _ in range(images)]),
        "luminance": np.array([draw.randrange(4) for _ in range(images)]),
        "weather": np.array([draw.randrange(3) for _ in range(images)]),
        "label_count": np.array([draw.choice([20, 50, 51, 500, 501]) for _ in range(images)]),
        "place": np.array([draw.choice(["street", "hall", None]) for _ in range(images)], dtype=object),
    }


def _full(seed, counts, **how):
    """A crowd with everything that annotations can have."""
    predicted, true = _crowd(seed, counts, **how)
    images = len(counts)
    return Predictions(**predicted), Annotations(
        **true,
        boxes=_boxes(seed + 1, true["xy"]),
        sizes=np.tile([600.0, 450.0], (images, 1)),
        attributes=_attributes(seed + 2, images),
    )


def _ties():
    return _full(1, [0, 1, 2, 3, 60, 40, 0, 25, 7, 4, 1, 90], grid=2.0, levels=5)


def _smooth():
    return _full(2, [30, 80, 5, 12, 1, 200, 0, 45, 33, 17, 64, 150], grid=0, levels=10**6)


def _dense():
    return _full(3, [1500, 700], grid=0.25, levels=50, side=400, near=2.0)


def _lone():
    return _full(4, [1, 1, 2, 1, 3, 0, 1, 1], grid=0.5, levels=10)


def _unscored():
    predictions, annotations = _full(5, [40, 0, 3, 60, 1, 22], grid=0.5, levels=4)
    return (
        Predictions(image_ids=predictions.image_ids, offsets=predictions.offsets, xy=predictions.xy),
        annotations,
    )


def _own_counts():
    predictions, annotations = _full(6, [40, 0, 3, 60, 1, 22], grid=0, levels=100)
    counts = np.array([41.5, 0.25, np.nan, 55.0, 1.0, np.nan])
    return Predictions(
        image_ids=predictions.image_ids,
        offsets=predictions.offsets,
        xy=predictions.xy,
        score=predictions.score,
        counts=counts,
    ), annotations


def _counts_only():
    _, annotations = _full(7, [40, 0, 3, 60, 1, 22], grid=0, levels=100)
    counts = np.array([41.5, 0.25, 3.0, 55.0, 2.125, 30.0])
    return Predictions(
        image_ids=annotations.image_ids, offsets=np.zeros(7, dtype=int), xy=[], counts=counts, located=False
    ), annotations


def _radii():
    predicted, true = _crowd(8, [50, 3, 0, 120, 18], grid=1.0, levels=3)
    draw = random.Random(9)
    small = np.array([draw.randrange(1, 12) for _ in true["xy"]], dtype=float)
    radii = np.column_stack([small, small + [draw.randrange(0, 9) for _ in true["xy"]]])
    level = np.array([draw.randrange(6) for _ in true["xy"]])
    return Predictions(**predicted), Annotations(**true, radii=radii, level=level)


def _no_truth():
    predicted, _ = _crowd(10, [12, 0, 5], grid=0, levels=10)
    return Predictions(**predicted), Annotations(
        image_ids=predicted["image_ids"], offsets=np.zeros(4, dtype=int), xy=[], sizes=np.full((3, 2), 600.0)
    )


def _no_predictions():
    _, true = _crowd(11, [12, 0, 5], grid=0, levels=10)
    return Predictions(image_ids=true["image_ids"], offsets=np.zeros(4, dtype=int), xy=[], score=[]), Annotations(
        **true, boxes=_boxes(12, true["xy"]), sizes=np.full((3, 2), 600.0)
    )


def _example():
    folder = ROOT / "examples" / "crowd"
    return read_predictions(folder / "preds.json"), read_annotations(folder / "gt.json")


GENERATED = {
    "example": _example,
    "ties": _ties,
    "smooth": _smooth,
    "dense": _dense,
    "lone": _lone,
    "unscored": _unscored,
    "own_counts": _own_counts,
    "counts_only": _counts_only,
    "radii": _radii,
    "no_truth": _no_truth,
    "no_predictions": _no_predictions,
}


def real(name, folder):
    """A pair of real predictions and annotations below the folder of real data."""
    from crowdeval.datasets import open_dataset

    if name == "yunet_sha":
        text = gzip.decompress((folder / "scored" / "yunet_SHA_test.json.gz").read_bytes())
        images = {image: np.array(rows).reshape(-1, 3) for image, rows in json.loads(text)["points"].items()}
        table = np.concatenate(list(images.values()))
        predictions = Predictions(
            image_ids=list(images),
            offsets=np.concatenate([[0], np.cumsum([len(rows) for rows in images.values()])]),
            xy=table[:, :2],
            score=table[:, 2],
        )
        return predictions, open_dataset("shanghaitech-a:test", root=folder / "ShanghaiTech", cache=False).annotations
    if name == "ucf_cc_50":
        truth = open_dataset("ucf-cc-50:all", root=folder / "ucf_cc_50", cache=False).annotations
        draw = random.Random(50)
        moved = [(x + draw.gauss(0, 3), y + draw.gauss(0, 3)) for x, y in truth.xy.tolist()]
        score = [draw.randrange(1, 1000) / 1000 for _ in moved]
        return Predictions(image_ids=truth.image_ids, offsets=truth.offsets, xy=moved, score=score), truth
    files = {"tinyfaces_nwpu": "TinyFaces_loc_0.8_0.3.txt", "razloc_nwpu": "Raz_loc_val_0.5.txt"}
    home = folder / "nwpu_val"
    if name in files:
        return read_predictions(home / files[name]), read_annotations(home / "val_gt_loc.txt")
    raise KeyError(name)


REAL = ("yunet_sha", "ucf_cc_50", "tinyfaces_nwpu", "razloc_nwpu")
