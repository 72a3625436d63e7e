"""Ragged: rows, counts, taking images, keeping points, and their twins in plain lists."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crowdeval.points.ragged import Ragged, concatenate, offsets_of

IMAGES = st.lists(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=4), max_size=5)


def ragged(images):
    return Ragged(np.array([p for image in images for p in image], dtype=float).reshape(-1, 2),
                  offsets_of([len(image) for image in images]))  # fmt: skip


def lists(points):
    return [
        [tuple(p) for p in points.xy[a:b].tolist()] for a, b in zip(points.offsets, points.offsets[1:], strict=False)
    ]


@given(IMAGES, st.data())
def test_taken_images_are_those_of_a_list_and_minus_one_is_empty(images, data):
    chosen = data.draw(st.lists(st.integers(-1, len(images) - 1), max_size=6))
    taken = ragged(images).take(np.array(chosen, dtype=np.int64))
    assert lists(taken) == [images[i] if i >= 0 else [] for i in chosen]


@given(IMAGES, st.randoms(use_true_random=False))
def test_kept_points_stay_in_their_images(images, random):
    kept = [[random.random() < 0.5 for _ in image] for image in images]
    flags = np.array([flag for image in kept for flag in image], dtype=bool)
    expected = [[p for p, k in zip(*pair, strict=True) if k] for pair in zip(images, kept, strict=True)]
    assert lists(ragged(images).where(flags)) == expected
    assert ragged(images).per_image(flags).tolist() == [sum(image) for image in kept]


@given(IMAGES, IMAGES)
def test_concatenated_images_are_those_of_both_lists(first, second):
    assert lists(concatenate([ragged(first), ragged(second)])) == first + second


@given(IMAGES)
def test_every_row_knows_its_image(images):
    points = ragged(images)
    assert points.image.tolist() == [i for i, image in enumerate(images) for _ in image]
    assert (len(points), points.images, points.counts.tolist()) == (
        sum(map(len, images)), len(images), [len(image) for image in images]
    )  # fmt: skip


@pytest.mark.parametrize("hits", [[], [0], [39], [19, 20], [0, 5, 39]])
def test_few_flags_are_summed_as_many_are(hits):
    points = Ragged(np.zeros((40, 2)), np.array([0, 0, 20, 20, 39, 40, 40]))
    flags = np.isin(np.arange(40), hits)
    assert points.per_image(flags).tolist() == points.per_image(flags.astype(np.int64)).tolist()
    assert points.per_image(flags).sum() == len(hits)
