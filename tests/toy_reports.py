"""Small reports and results made by hand, for the tests of leaderboards."""

import numpy as np

from crowdeval import Annotations, Predictions, Protocol, evaluate
from crowdeval.leaderboards.build import leaderboard
from crowdeval.leaderboards.results import Result, measured_results

TRUTH = {"a": [[10, 10], [20, 10], [10, 20], [40, 40]], "b": [[5, 5], [9, 9]], "c": [[1, 1], [8, 1], [8, 8]]}


def annotations(points=TRUTH):
    return Annotations(
        image_ids=list(points),
        offsets=np.cumsum([0, *(len(xy) for xy in points.values())]),
        xy=np.concatenate([np.reshape(xy, (-1, 2)) for xy in points.values()]),
    )


def predictions(missed=0, truth=TRUTH):
    """The true points without the last ``missed`` of each image."""
    kept = {name: xy[: max(0, len(xy) - missed)] for name, xy in truth.items()}
    return Predictions(
        image_ids=list(kept),
        offsets=np.cumsum([0, *(len(xy) for xy in kept.values())]),
        xy=np.concatenate([np.reshape(xy, (-1, 2)) for xy in kept.values()]).astype(float),
    )


def counts(values):
    """What a method gives that counts and does not locate."""
    return Predictions(
        image_ids=list(TRUTH), counts=np.array(values, float), offsets=[0] * 4, xy=np.empty((0, 2)), located=False
    )


def report(model, missed=0, *, predicted=None, truth=TRUTH, protocol=None, **about):
    return evaluate(
        predictions(missed, truth) if predicted is None else predicted,
        annotations(truth),
        protocol=protocol or Protocol(),
        names=(f"{model}.json", "gt.json"),
        about={"model": model, "dataset": "toys:test", **about},
    )


def board(*reports, **options):
    return leaderboard(measured_results((f"{n}.json", each) for n, each in enumerate(reports)), **options)


def published(model="Old", dataset="toys:test", **values):
    return Result(model=model, dataset=dataset, values=values, source="published", origin="a paper", place="Table 1")


def result(model, dataset="toys:test", **values):
    return Result(model=model, dataset=dataset, values=values, source="measured", origin=f"{model}.json",
                  signature="s", fingerprint="f")  # fmt: skip
