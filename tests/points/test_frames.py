"""A frame brings points to the pixels of their image: each step by hand, steps from left to right, nothing guessed."""

import numpy as np
import pytest

from crowdeval import Annotations, Predictions
from crowdeval.errors import AlignmentError, NeedsError, UsageError
from crowdeval.points.frames import from_frame, from_own_frames, parse_frame, to_pixels
from crowdeval.points.ragged import Ragged

SIZES = np.array([[200.0, 100.0], [400.0, 300.0]])


def moved(frame, xy, sizes=SIZES):
    """One point in each of two images."""
    return to_pixels(Ragged(np.array(xy, dtype=float), np.array([0, 1, 2])), sizes, parse_frame(frame)).tolist()


@pytest.mark.parametrize(
    ("frame", "given", "expected"),
    [
        ("yx", [[1, 2], [3, 4]], [[2, 1], [4, 3]]),
        ("y-up", [[1, 2], [3, 4]], [[1, 98], [3, 296]]),
        ("x-left", [[1, 2], [3, 4]], [[199, 2], [397, 4]]),
        ("normalized", [[0.5, 0.5], [0.25, 1]], [[100, 50], [100, 300]]),
        ("percent", [[50, 50], [25, 100]], [[100, 50], [100, 300]]),
        ("permille", [[500, 500], [250, 1000]], [[100, 50], [100, 300]]),
        ("512x256", [[256, 128], [512, 256]], [[100, 50], [400, 300]]),
        ("max-side:200", [[7, 8], [100, 75]], [[7, 8], [200, 150]]),
        ("max-side:1000", [[7, 8], [100, 75]], [[7, 8], [100, 75]]),
        ("stride:8", [[1, 2], [3, 4]], [[8, 16], [24, 32]]),
        ("scale:0.5", [[1, 2], [3, 4]], [[0.5, 1], [1.5, 2]]),
        ("shift:-1:0.5", [[1, 2], [3, 4]], [[0, 2.5], [2, 4.5]]),
        ("yx,normalized", [[0.5, 0.25], [1, 0.5]], [[50, 50], [200, 300]]),
        ("normalized,yx", [[0.5, 0.25], [1, 0.5]], [[25, 100], [150, 400]]),
        ("normalized, y-up", [[0.5, 0.25], [1, 0.5]], [[100, 75], [400, 150]]),
        ("shift:1:1,stride:4", [[1, 2], [3, 4]], [[8, 12], [16, 20]]),
    ],
)
def test_each_step_by_hand(frame, given, expected):
    assert moved(frame, given) == expected


@pytest.mark.parametrize("frame", ["yx", "stride:8", "scale:2", "shift:1:1", "yx,stride:4"])
def test_steps_that_need_no_sizes_work_without_them(frame):
    assert len(moved(frame, [[1, 2], [3, 4]], sizes=None)) == 2


@pytest.mark.parametrize("frame", ["y-up", "x-left", "normalized", "percent", "permille", "640x480", "max-side:640"])
@pytest.mark.parametrize("sizes", [None, np.array([[200.0, 100.0], [np.nan, np.nan]])])
def test_a_step_that_needs_sizes_says_so(frame, sizes):
    with pytest.raises(NeedsError, match=f"the frame {frame} needs the width and height of every image with points"):
        moved(frame, [[1, 2], [3, 4]], sizes=sizes)


@pytest.mark.parametrize(
    "frame", ["xy", "stride", "stride:0", "stride:-2", "shift:1", "scale:nan", "0x5", "512x", "", ","]
)
def test_a_wrong_step_is_refused(frame):
    with pytest.raises(UsageError, match="frame"):
        parse_frame(frame)


def test_a_frame_is_printed_as_it_is_written():
    text = "yx,y-up,x-left,normalized,512x384,max-side:1024,stride:8,scale:0.7,shift:0.5:-3"
    assert ",".join(map(str, parse_frame(text))) == text


def test_an_empty_frame_changes_nothing():
    found = Predictions(image_ids=["a"], offsets=[0, 1], xy=[[1.0, 2.0]])
    assert from_frame(found, None, "") is found


def own(sizes, truth_sizes=((200, 100), (50, 80))):
    predictions = Predictions(image_ids=["a", "b"], offsets=[0, 1, 2], xy=[[10, 20], [30, 40]], sizes=sizes)
    sizes = None if truth_sizes is None else truth_sizes
    return predictions, Annotations(image_ids=["a", "b"], offsets=[0, 0, 0], xy=[], sizes=sizes)


@pytest.mark.parametrize(
    ("sizes", "expected", "words"),
    [
        ([[200, 100], [50, 80]], [[10, 20], [30, 40]], None),
        ([[100, 100], [50, 80]], [[20, 20], [30, 40]], "1 of 2 images were in a frame of 100 x 100"),
        ([[100, 50], [25, 160]], [[20, 40], [60, 20]], "2 of 2 images were in a frame of 2 sizes, 100 x 50"),
        ([[np.nan, np.nan], [100, 160]], [[10, 20], [15, 20]], "1 of 2 images"),
        ([[1, 1], [1, 1]], [[2000, 2000], [1500, 3200]], "in parts of width and height"),
    ],
)
def test_points_in_a_frame_of_their_own_are_brought_to_the_size_of_the_image(sizes, expected, words):
    ready, notices = from_own_frames(*own(sizes))
    assert ready.xy.tolist() == expected
    assert ready.sizes is None
    assert (len(notices) == 1 and words in notices[0]) if words else notices == ()


def test_an_image_turned_by_its_orientation_is_refused():
    with pytest.raises(AlignmentError, match=r"'a' has the size 100 x 200 .* 200 x 100 .*EXIF"):
        from_own_frames(*own([[100, 200], [50, 80]]))


def test_own_sizes_without_true_sizes_are_said_and_parts_are_refused():
    ready, notices = from_own_frames(*own([[100, 50], [25, 160]], truth_sizes=None))
    assert (ready.xy.tolist(), notices[0].partition(":")[0]) == ([[10, 20], [30, 40]], "sizes-unchecked")
    with pytest.raises(NeedsError, match="--images DIR"):
        from_own_frames(*own([[1, 1], [1, 1]], truth_sizes=None))
