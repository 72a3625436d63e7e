"""A folder of one file an image is one data set; what is no such file is named, and nothing is guessed."""

import numpy as np
import pytest

from crowdeval import read_annotations, read_predictions
from crowdeval.errors import CrowdevalWarning, FormatError

ROWS = {"IMG_1": [[1, 2, 0.9], [3, 4, 0.8]], "IMG_2": [], "IMG_10": [[5, 6, 0.5]]}


def folder_of(tmp_path, rows, suffix=".txt", separator=" "):
    for name, points in rows.items():
        path = tmp_path / f"{name}{suffix}"
        if suffix == ".npy":
            np.save(path, np.array(points, dtype=float).reshape(len(points), 3))
        else:
            path.write_text("".join(separator.join(map(str, row)) + "\n" for row in points))
    return tmp_path


@pytest.mark.parametrize(("suffix", "separator"), [(".txt", " "), (".txt", ","), (".tsv", "\t"), (".npy", "")])
def test_every_file_is_an_image_and_an_empty_one_has_no_points(tmp_path, suffix, separator):
    predictions = read_predictions(folder_of(tmp_path, ROWS, suffix, separator))
    assert predictions.image_ids == ("IMG_1", "IMG_2", "IMG_10")  # natural order
    assert predictions.offsets.tolist() == [0, 2, 2, 3]
    assert predictions.xy.tolist() == [[1, 2], [3, 4], [5, 6]]
    assert predictions.score.tolist() == [0.9, 0.8, 0.5]


def test_four_and_five_columns_are_boxes(tmp_path):
    predictions = read_predictions(folder_of(tmp_path, {"a": [[10, 10, 20, 30, 0.7]]}))
    assert (predictions.xy.tolist(), predictions.score.tolist()) == ([[15, 20]], [0.7])
    (tmp_path / "gt").mkdir()
    annotations = read_annotations(folder_of(tmp_path / "gt", {"a": [[10, 10, 20, 30]]}))
    assert (annotations.xy.tolist(), annotations.boxes.tolist()) == ([[15, 20]], [[10, 10, 20, 30]])


@pytest.mark.parametrize("row", [[0, 0.5, 0.25, 0.1, 0.1, 0.9], [0, 0.5, 0.25, 0.1, 0.1]])
def test_yolo_rows_are_centres_in_parts_and_say_which_frame_mends_them(tmp_path, row):
    folder = folder_of(tmp_path, {"a": [row], "b": []})
    with pytest.warns(CrowdevalWarning, match="--frame normalized"):
        predictions = read_predictions(folder)
    assert predictions.xy.tolist() == [[0.5, 0.25]]
    assert (predictions.score is None) == (len(row) == 5)
    with pytest.raises(FormatError, match="YOLO rows, which need image sizes"):
        read_annotations(folder)


def test_points_and_scores_of_an_archive(tmp_path):
    np.savez(tmp_path / "a.npz", points=[[1.0, 2.0]], scores=[0.25])
    assert read_predictions(tmp_path).score.tolist() == [0.25]


def test_comments_and_blank_lines_are_no_rows(tmp_path):
    (tmp_path / "a.txt").write_text("\ufeff# x y\n\n1 2\n")
    assert read_predictions(tmp_path).xy.tolist() == [[1, 2]]


def test_what_is_passed_over_is_named(tmp_path):
    folder = folder_of(tmp_path, ROWS)
    (folder / "IMG_1.jpg").write_bytes(b"")
    (folder / "Thumbs.db").write_bytes(b"")
    (folder / ".hidden").write_bytes(b"")
    with pytest.warns(CrowdevalWarning, match=r"'?IMG_1.jpg'?, '?Thumbs.db'? are passed over"):
        assert len(read_predictions(folder).image_ids) == 3


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("b.txt", "1 2\n", "3 columns, as in a"),
        ("b.txt", "1 2 x\n", "line 1: '1 2 x'"),
        ("b.txt", "1 2 3\n1 2\n", "line 2 with 2 numbers, after 3"),
        ("b.txt", "1\n", "1 columns"),
        ("b.txt", "1 2 3 4 5 6\n", "6 columns"),
        ("b.txt", "1 2 3 4 5 6 7\n", "7 columns"),
        ("b.txt", "1 nan 0.5\n", "nan"),
        ("b.json", "{}", "b.json"),
        ("a.tsv", "1 2 0.5\n", "two files for"),
    ],
)
def test_a_wrong_file_is_named(tmp_path, name, content, words):
    folder = folder_of(tmp_path, {"a": [[1, 2, 0.9]]})
    (folder / name).write_text(content)
    with pytest.raises(FormatError, match=words):
        read_predictions(folder)


@pytest.mark.parametrize("content", [b"no array", np.array([{}], dtype=object).dumps()])
def test_a_file_of_objects_is_not_loaded(tmp_path, content):
    (tmp_path / "a.npy").write_bytes(content)
    with pytest.raises(FormatError, match="NumPy"):
        read_predictions(tmp_path)


def test_all_problems_are_named_at_once(tmp_path):
    folder = folder_of(tmp_path, {"a": [[1, 2]], "b": [["x", 2]], "c": [["y", 2]]})
    with pytest.raises(FormatError) as failure:
        read_predictions(folder)
    assert failure.value.total == 2


def test_annotations_have_no_confidences(tmp_path):
    with pytest.raises(FormatError, match="3 columns, as predictions have"):
        read_annotations(folder_of(tmp_path, ROWS))


def test_an_empty_folder_is_refused_with_what_a_folder_may_be(tmp_path):
    with pytest.raises(FormatError, match=r"one file for each image.*NAME:SPLIT"):
        read_predictions(tmp_path)
