"""Scoring a model on images with crowdeval itself: nAP, MAE, RMSE, F1 at 4 and 8 pixels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import zip_longest
from typing import Any

import numpy as np
from torch import distributed

from baselines.p2pnet.devices import Processes
from baselines.p2pnet.prediction import Found, Model, predict_points
from baselines.p2pnet.samples import Samples, pixels_of
from crowdeval import Predictions, Protocol, Report
from crowdeval.evaluation.evaluate import report_and_evidence
from crowdeval.points.assemble import ImagePredictions, assemble_predictions

METRICS = ("F1@4px", "F1@8px", "bias")
"""What is measured beside the paper's nAP, MAE, RMSE and NAE."""


def predicted(
    model: Model,
    source: Samples,
    *,
    tile: int | None = None,
    among: Processes | None = None,
    progress: Callable[[str], None] = lambda name: None,
) -> list[Found]:
    """Return what is found in a source's images, in order; in every world-th, for one of many processes."""
    among = among or Processes()
    found = []
    for sample in source.items[among.rank :: among.world]:
        found.append(predict_points(model, pixels_of(sample.path), tile=tile))
        progress(sample.id)
    return found


def gathered(found: list[Found], among: Processes) -> list[Found]:
    """Return what all processes found, in the order of the images."""
    if among.world == 1:
        return found
    parts: list[Any] = [None] * among.world
    distributed.all_gather_object(parts, found)
    return [each for group in zip_longest(*parts) for each in group if each is not None]


def predictions_of(names: Sequence[str], found: Sequence[Found]) -> Predictions:
    """Return the points found, image by image, as crowdeval scores them; scored also where there is none."""
    images = {
        name: ImagePredictions(xy=each.points, score=each.scores, count=each.count)
        for name, each in zip(names, found, strict=True)
    }
    predictions = assemble_predictions(images)
    return predictions if len(predictions.xy) else replace(predictions, score=np.zeros(0))


def scored(source: Samples, found: list[Found], *, threshold: float = 0.5, name: str = "p2pnet") -> Report:
    """Return crowdeval's report on the points of a source's images."""
    report, _ = report_and_evidence(
        predictions_of([each.id for each in source], found),
        source.annotations(),
        protocol=Protocol(preset="paper", metrics=METRICS, count_threshold=threshold),
        names=(name, source.source),
    )
    return report
