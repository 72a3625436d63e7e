"""Fingerprints."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from toy_sets import toy_annotations, toy_predictions

from crowdeval import Annotations


@given(st.permutations(range(3)), st.permutations(range(4)))
def test_the_fingerprint_ignores_the_order_of_images_and_points(images, rows):
    xy = np.array([[1.0, 2], [3, 4], [5, 6], [7, 8]])
    first = Annotations(image_ids=["a", "b", "c"], offsets=[0, 4, 4, 5], xy=[*xy, [9, 9]])
    parts = {"a": xy[list(rows)], "b": xy[:0], "c": np.array([[9.0, 9]])}
    order = [("a", "b", "c")[i] for i in images]
    counts = np.cumsum([0] + [len(parts[name]) for name in order])
    second = Annotations(image_ids=order, offsets=counts, xy=np.concatenate([parts[name] for name in order]))
    assert first.fingerprint == second.fingerprint


def test_the_fingerprint_sees_every_column():
    prints = [
        toy_annotations().fingerprint,
        toy_annotations(image_ids=["a", "c"]).fingerprint,
        toy_annotations(offsets=[0, 1, 3]).fingerprint,
        toy_annotations(xy=[[2, 1], [3, 4], [5, 6]]).fingerprint,
        toy_annotations(xy=[[1, 2], [3, 4], [5, 6.0000001]]).fingerprint,
        toy_annotations(boxes=[[0, 0, 1, 1]] * 3).fingerprint,
        toy_annotations(radii=[[1, 2]] * 3).fingerprint,
        toy_predictions().fingerprint,
        toy_predictions(score=None).fingerprint,
        toy_predictions(score=[0.8, 0.9, 0.7]).fingerprint,
        toy_predictions(counts=[1, 2]).fingerprint,
        toy_predictions(counts=[2, 1]).fingerprint,
        Annotations(image_ids=[], offsets=[0], xy=[]).fingerprint,
    ]
    assert len(set(prints)) == len(prints)


def test_a_fingerprint_stays_the_same_over_versions():
    assert toy_annotations().fingerprint == "e8de19ed4947158f8aec9e3f"
