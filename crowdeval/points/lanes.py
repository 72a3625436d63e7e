"""Lanes (sums of hashes) of whole sets: one for the fingerprint of the side, and one for each of its columns."""

from __future__ import annotations

import numpy as np

from crowdeval.points.fingerprints import ATTRIBUTE, Lane, id_hashes, image_lane, labels_lane, row_lanes
from crowdeval.points.sets import Annotations, Predictions


def lanes_of_predictions(predictions: Predictions, *, ordered: bool) -> dict[str, Lane]:
    """Return the lanes of predictions.

    Parameters
    ----------
    predictions : Predictions
        The predictions.
    ordered : bool
        Whether the order of the rows has a lane, too.

    Returns
    -------
    dict of str to (int, int)
        Lanes by name: ``predictions:fingerprint`` for the whole side, and one for each column that is present.

    Examples
    --------
    >>> predictions = Predictions(image_ids=["a"], offsets=[0, 1], xy=[[1.0, 2.0]], counts=[3.0])
    >>> sorted(name.partition(":")[2] for name in lanes_of_predictions(predictions, ordered=True))
    ['counts', 'fingerprint', 'ids', 'order', 'points']
    """
    ids = id_hashes(predictions.image_ids)
    optional = {"scores": predictions.score}
    lanes = row_lanes("predictions", ids, predictions.points, optional, ordered=ordered)
    # The fingerprint of predictions covers points and confidences: the lane of the confidences contains the points.
    lanes["predictions:fingerprint"] = lanes.get("predictions:scores", lanes["predictions:points"])
    if predictions.counts is not None:
        lanes["predictions:counts"] = image_lane(ids, predictions.counts)
    return lanes


def lanes_of_annotations(annotations: Annotations, *, ordered: bool) -> dict[str, Lane]:
    """Return the lanes of annotations.

    Parameters
    ----------
    annotations : Annotations
        The annotations.
    ordered : bool
        Whether the order of the rows has a lane, too.

    Returns
    -------
    dict of str to (int, int)
        Lanes by name: ``annotations:fingerprint`` for the whole side, and one for each column that is present.

    Examples
    --------
    >>> truth = Annotations(image_ids=["a"], offsets=[0, 1], xy=[[1.0, 2.0]], attributes={"weather": ["fog"]})
    >>> sorted(name.partition(":")[2] for name in lanes_of_annotations(truth, ordered=False))
    ['attribute:weather', 'fingerprint', 'ids', 'points']
    """
    ids = id_hashes(annotations.image_ids)
    optional = {"boxes": annotations.boxes, "radii": annotations.radii, "levels": annotations.level}
    lanes = row_lanes("annotations", ids, annotations.points, optional, ordered=ordered)
    if annotations.sizes is not None:
        lanes["annotations:sizes"] = image_lane(ids, annotations.sizes)
    if not annotations.located:
        lanes["annotations:counts"] = image_lane(ids, annotations.counts.astype(np.float64))
    for name, values in annotations.attributes.items():
        lanes[f"annotations:{ATTRIBUTE}{name}"] = labels_lane(ids, values.tolist())
    return lanes
