"""NWPU-Crowd text: the two kinds of lines, the official files, and the problems with their lines."""

import numpy as np
import pytest

from crowdeval.errors import CrowdevalWarning, FormatError, UsageError
from crowdeval.formats import FORMATS, Source, detect, read_annotations, read_predictions
from crowdeval.points.sets import Annotations, Predictions

NWPU = FORMATS["nwpu"]


def predicted(text):
    return NWPU.read_predictions(Source("p.txt", text.encode(), ".txt"))


def annotated(text):
    return NWPU.read_annotations(Source("a.txt", text.encode(), ".txt"))


def test_predictions_are_two_numbers_a_point():
    read = predicted("3110 2 1 2 3.5 4 \r\n0001 0\r\n\r\n")
    assert read.image_ids == ("3110", "0001")
    assert read.xy.tolist() == [[1.0, 2.0], [3.5, 4.0]]
    assert read.score is None


def test_ground_truth_is_five_numbers_a_point_and_fidtm_leaves_blanks():
    read = annotated("1 2 163 341 4 8 1 -77 442 4 8 1 \n2 0 \n")
    assert read.radii.tolist() == [[4.0, 8.0], [4.0, 8.0]]
    assert read.level.tolist() == [1, 1]
    assert read.offsets.tolist() == [0, 2, 2]


def test_a_file_of_points_gives_annotations_without_radii():
    assert annotated("1 1 5 6\n").radii is None


def test_ground_truth_is_refused_as_predictions():
    with pytest.raises(FormatError, match=r"this is a ground-truth file .*annotations"):
        predicted("1 1 163 341 4 8 1\n2 0\n")


def test_whole_numbers_are_written_as_such_and_others_in_full():
    value = Predictions(image_ids=["7"], offsets=[0, 2], xy=[[1.0, 2.5], [1 / 3, -4.0]])
    assert NWPU.write_predictions(value) == b"7 2 1 2.5 0.3333333333333333 -4\n"


def test_a_warning_names_the_columns_that_are_not_stored(truth, one_point):
    with pytest.warns(CrowdevalWarning, match="'attribute file_name', 'attribute scene', 'boxes', 'sizes'"):
        assert NWPU.write_annotations(truth) == b"a 2 1 2 1 2 0 30.5 40 3 4 3\nb 0\n"
    with pytest.warns(CrowdevalWarning, match="'scores'"):
        NWPU.write_predictions(one_point(score=[0.5]))


def test_radii_without_levels_are_written_with_level_0_with_a_warning():
    value = Annotations(image_ids=["a"], offsets=[0, 1], xy=[[1, 2]], radii=[[3, 4]])
    with pytest.warns(CrowdevalWarning, match="level 0 is written"):
        assert NWPU.write_annotations(value) == b"a 1 1 2 3 4 0\n"


@pytest.mark.parametrize("name", ["nwpu", "coco"])
def test_counts_without_points_can_not_be_written(name):
    value = Predictions(image_ids=["a"], offsets=[0, 0], xy=[], counts=[3], located=False)
    with pytest.raises(UsageError, match="counts without points"):
        FORMATS[name].write_predictions(value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1 2 1 2\n", r"line 1, image '1': expected 4 numbers after the 2 \(2 for each point\), found 2"),
        ("1 1 1 2\n2 1 1 2 3\n", "line 2, image '2': expected 2 numbers"),
        ("1 1 1 2\n1 0\n", "line 2: expected every image once, found '1', which is also in line 1"),
        ("1\n", "a number of points after the image id, found nothing"),
        ("1 x\n", "found 'x'"),
        ("1 -1\n", "found '-1'"),
        ("1 1 a 2\n", "line 1, number 1 of point 1, image '1': expected a number, found 'a'"),
        ("1 1 12,5 2\n", "decimals are written with a point"),
        ("1 1 nan 2\n", "a number, found 'nan'"),
        ("1 1 1e999 2\n", "finite number"),
        ("1 1 1e10 2\n", "coordinate within"),
        ("1 1 1-2 2\n", "a number, found '1-2'"),
        ("1 1 1_0 2\n", "a number, found '1_0'"),
        ("1 99999999999999999999 1 2\n", "a number of points"),
    ],
)
def test_a_problem_is_reported_with_its_line(text, words):
    with pytest.raises(FormatError, match=words):
        predicted(text)


@pytest.mark.parametrize("level", ["0.5", "6", "-1"])
def test_a_level_is_a_whole_number_up_to_5(level):
    with pytest.raises(FormatError, match=r"number 5 of point 1.*whole number from 0 to 5"):
        annotated(f"1 1 1 2 3 4 {level}\n")


@pytest.mark.parametrize("radii", [[-3, 4], [5, -4], [4, 1]])
def test_odd_radii_of_public_files_are_read(radii):
    assert annotated(f"1 1 1 2 {radii[0]} {radii[1]} 0\n").radii.tolist() == [radii]


@pytest.mark.parametrize(("number", "points"), [(2, 1), (1, 2), (0, 1)])
def test_a_number_of_points_that_is_off_by_one_is_that_of_the_points(number, points):
    text = "a 1 1 2 3 4 0\n" + " ".join(["b", str(number), *["5 6 3 4 0"] * points]) + "\n"
    with pytest.warns(
        CrowdevalWarning, match=f"off by one in line 2 .b: {number}, has {points}.; the points are counted"
    ):
        assert annotated(text).counts.tolist() == [1, points]
    with pytest.raises(FormatError, match="after the"):
        annotated(text.replace(f"b {number}", "b 7"))
    with pytest.raises(FormatError, match="after the"):
        predicted("a 1 1 2\nb 3 1 2 3 4\n")


def test_the_problems_of_all_lines_come_at_once():
    with pytest.raises(FormatError) as caught:
        predicted("1 1 1 2\n1 1 12,5 2\n3 2 1 x\n4 q 1 2\n5 1 1e10 2\n")
    assert [str(problem) for problem in caught.value.problems] == [
        "line 2: expected every image once, found '1', which is also in line 1",
        "line 2, number 1 of point 1, image '1': expected a number, found '12,5' (decimals are written with a point)",
        "line 3, image '3': expected 4 numbers after the 2 (2 for each point), found 2",
        "line 3, number 2 of point 1, image '3': expected a number, found 'x'",
        "line 4, image '4': expected a number of points after the image id, found 'q'",
        "line 5, number 1 of point 1, image '5': expected a coordinate within 1e+09 pixels, found '1e10'",
    ]


@pytest.mark.parametrize("text", ["0 0.5 0.5 0.1 0.1\n", "12 34 5 6 1 0\n", "3110 1 2\n", "hello world\n", "1 1 1,5 2"])
def test_other_text_is_not_taken_for_it(text):
    assert not NWPU.recognises(Source("file", text.encode()))


@pytest.mark.data
def test_the_official_validation_files_read(data_folder):
    folder = data_folder / "nwpu_val"
    truth = read_annotations(folder / "val_gt_loc.txt")
    assert detect(folder / "val_gt_loc.txt") == "nwpu"
    assert len(truth.image_ids) == 500
    assert len(truth.xy) == 196_238
    assert int((truth.counts == 0).sum()) == 35
    assert truth.image_ids[0] == "3110"
    assert truth.xy[0].tolist() == [851.0, 1304.0]
    assert truth.radii[0].tolist() == [15.0, 23.0]
    assert np.unique(truth.level).tolist() == [0, 1, 2, 3, 4, 5]
    assert len(read_predictions(folder / "TinyFaces_loc_0.8_0.3.txt").xy) == 240_891
    assert len(read_predictions(folder / "Raz_loc_val_0.5.txt").xy) == 161_159


@pytest.mark.data
def test_the_scored_predictions_read(data_folder):
    read = read_predictions(data_folder / "scored" / "yunet_SHA_test.json.gz")
    assert len(read.image_ids) == 182
    assert len(read.xy) == 166_609
    assert float(read.score.min()) >= 0.15


def test_radii_in_the_wrong_order_are_read():
    """Metrics that need no radii can do without the order; those that do name the points."""
    assert annotated("1 1 1 2 5 4 0\n").radii.tolist() == [[5, 4]]
