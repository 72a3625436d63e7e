import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crowdeval.adapters.boxes import as_share, box_points, corners, suppress_overlaps
from crowdeval.errors import UsageError

BOX = np.array([[10.0, 20.0, 30.0, 60.0]])


@pytest.mark.parametrize(
    ("form", "numbers"),
    [("xyxy", [10, 20, 30, 60]), ("xywh", [10, 20, 20, 40]), ("cxcywh", [20, 40, 20, 40])],
)
def test_every_form_of_a_box_has_the_same_corners(form, numbers):
    assert corners(np.array([numbers], dtype=float), form).tolist() == BOX.tolist()


@pytest.mark.parametrize(("down", "y"), [(0.0, 20.0), (0.5, 40.0), (1.0, 60.0)])
def test_a_boxs_point_is_in_the_middle_across_and_a_share_of_the_height_down(down, y):
    assert box_points(BOX, down).tolist() == [[20.0, y]]


def test_a_share_is_from_0_to_1():
    with pytest.raises(UsageError, match=r"-o nms=1\.5: expected a number from 0 to 1"):
        as_share("nms", 1.5)


def test_a_box_that_overlaps_exactly_as_much_as_allowed_stays():
    boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 5.0]])
    assert suppress_overlaps(boxes, np.array([0.9, 0.8]), 0.5).tolist() == [0, 1]
    assert suppress_overlaps(boxes, np.array([0.9, 0.8]), 0.49).tolist() == [0]


def test_a_suppressed_box_suppresses_nothing():
    boxes = np.array([[0, 0, 10, 10], [4, 0, 14, 10], [8, 0, 18, 10.0]])
    assert suppress_overlaps(boxes, np.array([0.9, 0.8, 0.7]), 0.3).tolist() == [0, 2]


def slow_suppression(boxes, score, overlap):
    kept = []
    for i in sorted(range(len(boxes)), key=lambda i: (-score[i], i)):
        for j in kept:
            width = min(boxes[i][2], boxes[j][2]) - max(boxes[i][0], boxes[j][0])
            height = min(boxes[i][3], boxes[j][3]) - max(boxes[i][1], boxes[j][1])
            shared = max(width, 0) * max(height, 0)
            areas = sum((b[2] - b[0]) * (b[3] - b[1]) for b in (boxes[i], boxes[j]))
            if shared > overlap * (areas - shared):
                break
        else:
            kept.append(i)
    return kept


@given(st.lists(st.tuples(*[st.integers(0, 9)] * 2, *[st.integers(0, 5)] * 2, st.integers(0, 4)), max_size=25))
def test_suppression_equals_a_loop_by_its_definition(rows):
    boxes = np.array([[x, y, x + w, y + h] for x, y, w, h, _ in rows], dtype=float).reshape(-1, 4)
    score = np.array([row[4] for row in rows], dtype=float)
    assert suppress_overlaps(boxes, score, 0.25).tolist() == slow_suppression(boxes.tolist(), score.tolist(), 0.25)
