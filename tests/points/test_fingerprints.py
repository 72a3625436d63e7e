"""Fingerprints."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from toy_sets import found, truth

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
        truth().fingerprint,
        truth(image_ids=["a", "c"]).fingerprint,
        truth(offsets=[0, 1, 3]).fingerprint,
        truth(xy=[[2, 1], [3, 4], [5, 6]]).fingerprint,
        truth(xy=[[1, 2], [3, 4], [5, 6.0000001]]).fingerprint,
        truth(boxes=[[0, 0, 1, 1]] * 3).fingerprint,
        truth(radii=[[1, 2]] * 3).fingerprint,
        found().fingerprint,
        found(score=None).fingerprint,
        found(score=[0.8, 0.9, 0.7]).fingerprint,
        found(counts=[1, 2]).fingerprint,
        found(counts=[2, 1]).fingerprint,
        Annotations(image_ids=[], offsets=[0], xy=[]).fingerprint,
    ]
    assert len(set(prints)) == len(prints)


def test_a_fingerprint_stays_the_same_over_versions():
    assert truth().fingerprint == "e8de19ed4947158f8aec9e3f"
