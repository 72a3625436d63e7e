"""Scores of a model on images, by crowdeval: nAP, MAE, RMSE, and F1 at 4 and 8 pixels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import zip_longest
from typing import Any

import numpy as np
from torch import distributed

from baselines.p2pnet.devices import Processes
from baselines.p2pnet.prediction import Found, Model, predict_points
from baselines.p2pnet.samples import Samples, read_pixels
from crowdeval import Predictions, Protocol, Report
from crowdeval.evaluation.evaluate import report_and_evidence
from crowdeval.points.assemble import ImagePredictions, assemble_predictions

METRICS = ("F1@4px", "F1@8px", "bias")
"""The metrics beside the paper's nAP, MAE, RMSE and NAE."""


def predict_samples(
    model: Model,
    source: Samples,
    *,
    tile: int | None = None,
    processes: Processes | None = None,
    progress: Callable[[str], None] = lambda name: None,
) -> list[Found]:
    """Predict the points of a source's images.

    Parameters
    ----------
    model : P2PNet or Exported
        As for ``predict_points``.
    source : Samples
        The images.
    tile : int, optional
        As for ``predict_points``.
    processes : Processes, optional
        This process among several; it then predicts only the images rank, rank + world, rank + 2 world, ...
    progress : callable
        Called with an image's id after each image.

    Returns
    -------
    list of Found
        In the order of the images.

    Raises
    ------
    MissingFileError, InputError
        If an image does not exist or can't be read.
    PredictorError, UsageError
        As ``predict_points``.

    Examples
    --------
    >>> from baselines.p2pnet import Config, P2PNet
    >>> predict_samples(P2PNet(Config(backbone="mobilenet_v3_large", width=8)).eval(), Samples("no images", ()))
    []
    """
    processes = processes or Processes()
    predictions = []
    for sample in source.items[processes.rank :: processes.world]:
        predictions.append(predict_points(model, read_pixels(sample.path), tile=tile))
        progress(sample.id)
    return predictions


def gather(predictions: list[Found], processes: Processes) -> list[Found]:
    """Return the predictions of all processes in the order of the images.

    Parameters
    ----------
    predictions : list of Found
        The predictions of this process, from ``predict_samples``.
    processes : Processes
        This process among several.

    Returns
    -------
    list of Found

    Examples
    --------
    >>> gather([], Processes())
    []
    """
    if processes.world == 1:
        return predictions
    parts: list[Any] = [None] * processes.world
    distributed.all_gather_object(parts, predictions)
    # Images 0, 2, 4 of rank 0 and 1, 3 of rank 1 -> 0, 1, 2, 3, 4; zip_longest fills the end with None.
    return [found for group in zip_longest(*parts) for found in group if found is not None]


def to_predictions(names: Sequence[str], found: Sequence[Found]) -> Predictions:
    """Return predictions in crowdeval's form.

    Parameters
    ----------
    names : sequence of str
        Ids of the images.
    found : sequence of Found
        The prediction for each image.

    Returns
    -------
    Predictions
        With a column of confidences, also where there is no point.

    Examples
    --------
    >>> found = Found(points=np.array([[1.0, 2.0]]), scores=np.array([0.9]))
    >>> predictions = to_predictions(["a"], [found])
    >>> predictions.xy.tolist(), predictions.score.tolist()
    ([[1.0, 2.0]], [0.9])
    """
    images = {
        name: ImagePredictions(xy=image.points, score=image.scores, count=image.count)
        for name, image in zip(names, found, strict=True)
    }
    predictions = assemble_predictions(images)
    return predictions if len(predictions.xy) else replace(predictions, score=np.zeros(0))


def score(source: Samples, found: list[Found], *, threshold: float = 0.5, name: str = "p2pnet") -> Report:
    """Score predictions against the true points of a source.

    Parameters
    ----------
    source : Samples
        The images with their true points; the files are opened for their sizes.
    found : list of Found
        The prediction for each image.
    threshold : float
        Confidence above which a prediction is counted.
    name : str
        Name of the predictions in the report.

    Returns
    -------
    Report
        nAP, MAE, RMSE, NAE, and ``METRICS``.

    Raises
    ------
    MissingFileError, InputError
        If an image does not exist or can't be read.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from PIL import Image
    >>> from baselines.p2pnet.samples import Sample
    >>> points = np.array([[2.0, 2.0], [6.0, 4.0]])
    >>> with TemporaryDirectory() as folder:
    ...     Image.new("RGB", (8, 6)).save(f"{folder}/a.png")
    ...     source = Samples("one image", (Sample("a", Path(folder, "a.png"), points),))
    ...     score(source, [Found(points=points, scores=np.array([0.9, 0.8]))]).values["nAP"]
    1.0
    """
    report, _ = report_and_evidence(
        to_predictions([sample.id for sample in source], found),
        source.annotations(),
        protocol=Protocol(preset="paper", metrics=METRICS, count_threshold=threshold),
        names=(name, source.source),
    )
    return report
