"""A file that is written and read again has the same columns, bit for bit."""

import numpy as np
import pytest
from formats.drawn import (
    PLAIN_ID,
    WORD_ID,
    annotations,
    assert_same,
    assert_same_attributes,
    count_only,
    predictions,
)
from hypothesis import given, settings

from crowdeval.errors import UsageError
from crowdeval.formats import FORMATS, Source

quick = settings(max_examples=60, deadline=None)
lossless = pytest.mark.parametrize("name", ["json", "jsonl", "parquet"])


def back(name, value, kind):
    form = FORMATS[name]
    data = getattr(form, f"write_{kind}")(value)
    return getattr(form, f"read_{kind}")(Source("file", data))


@lossless
@quick
@given(value=predictions())
def test_predictions_come_back_whole(name, value):
    again = back(name, value, "predictions")
    assert_same(value, again, "score", "counts")
    assert again.located


@pytest.mark.parametrize("name", ["json", "jsonl", "parquet"])
@quick
@given(value=count_only())
def test_counts_without_points_come_back_whole(name, value):
    again = back(name, value, "predictions")
    assert_same(value, again, "score", "counts")
    assert not again.located


@quick
@given(value=count_only(PLAIN_ID))
def test_counts_without_points_come_back_from_csv(value):
    again = back("csv", value, "predictions")
    assert_same(value, again, "score", "counts")
    assert not again.located


@lossless
@quick
@given(value=annotations())
def test_annotations_come_back_whole(name, value):
    again = back(name, value, "annotations")
    assert_same(value, again, "boxes", "radii", "level", "sizes")
    assert_same_attributes(value, again)


@quick
@given(value=predictions(PLAIN_ID))
def test_csv_keeps_points_scores_counts_and_images_without_points(value):
    assert_same(value, back("csv", value, "predictions"), "score", "counts")


@quick
@given(value=annotations(PLAIN_ID, columns=("boxes", "radii", "level", "sizes")))
def test_csv_keeps_every_column_of_annotations_but_attributes(value):
    assert_same(value, back("csv", value, "annotations"), "boxes", "radii", "level", "sizes")


@quick
@given(value=predictions(WORD_ID, least=1, scores=False, counts=False))
def test_nwpu_keeps_points(value):
    assert_same(value, back("nwpu", value, "predictions"), "score")


@quick
@given(value=annotations(WORD_ID, least=1, columns=("radii", "level")))
def test_nwpu_keeps_radii_and_levels(value):
    if value.radii is None or value.level is None or not len(value.xy):
        return
    assert_same(value, back("nwpu", value, "annotations"), "radii", "level")


@quick
@given(value=predictions(least=1, counts=False))
def test_coco_keeps_points_and_scores_of_images_with_predictions(value):
    if not (np.diff(value.offsets) > 0).all():
        return
    assert_same(value, back("coco", value, "predictions"), "score")


@quick
@given(value=annotations(columns=("boxes", "sizes")))
def test_coco_keeps_points_sizes_and_nearly_boxes(value):
    if value.boxes is not None:
        value.boxes.flags.writeable = False
        if (value.boxes[:, 2:] < value.boxes[:, :2]).any():
            return
    again = back("coco", value, "annotations")
    assert_same(value, again, "sizes")
    if value.boxes is not None and len(value.xy):
        np.testing.assert_allclose(value.boxes, again.boxes, rtol=1e-12, atol=1e-6)


@pytest.mark.parametrize(("name", "image"), [("csv", "a\nb"), ("csv", "a\0"), ("nwpu", "a b"), ("nwpu", "\x1c")])
def test_an_image_id_that_a_format_cannot_hold_is_refused(name, image, one_point):
    with pytest.raises(UsageError, match="can't hold image ids"):
        FORMATS[name].write_predictions(one_point(image))
