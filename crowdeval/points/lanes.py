"""The sums of hashes of whole sets: of a side, as its fingerprint has it, and of each of its columns."""

from __future__ import annotations

from crowdeval.points.fingerprints import ATTRIBUTE, Lane, id_hashes, image_lane, labels_lane, row_lanes
from crowdeval.points.sets import Annotations, Predictions


def lanes_of_predictions(predictions: Predictions, *, ordered: bool) -> dict[str, Lane]:
    """Return the lanes of predictions: of the side and of each column; ``ordered`` also of the order of rows."""
    ids = id_hashes(predictions.image_ids)
    optional = {"scores": predictions.score}
    lanes = row_lanes("predictions", ids, predictions.points, optional, ordered=ordered)
    lanes["predictions:fingerprint"] = lanes.get("predictions:scores", lanes["predictions:points"])
    if predictions.counts is not None:
        lanes["predictions:counts"] = image_lane(ids, predictions.counts)
    return lanes


def lanes_of_annotations(annotations: Annotations, *, ordered: bool) -> dict[str, Lane]:
    """Return the lanes of annotations: of the side and of each column; ``ordered`` also of the order of rows."""
    ids = id_hashes(annotations.image_ids)
    optional = {"boxes": annotations.boxes, "radii": annotations.radii, "levels": annotations.level}
    lanes = row_lanes("annotations", ids, annotations.points, optional, ordered=ordered)
    if annotations.sizes is not None:
        lanes["annotations:sizes"] = image_lane(ids, annotations.sizes)
    for name, values in annotations.attributes.items():
        lanes[f"annotations:{ATTRIBUTE}{name}"] = labels_lane(ids, values.tolist())
    return lanes
