"""A folder of one file an image is one data set; what is no such file is named, and nothing is guessed."""

import numpy as np
import pytest
from PIL import Image

from crowdeval import Annotations, Protocol, evaluate, read_annotations, read_predictions
from crowdeval.errors import CrowdevalWarning, FormatError

ROWS = {"IMG_1": [[1, 2, 0.9], [3, 4, 0.8]], "IMG_2": [], "IMG_10": [[5, 6, 0.5]]}


def folder_of(tmp_path, rows, suffix=".txt", separator=" "):
    tmp_path.mkdir(parents=True, exist_ok=True)
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
def test_yolo_predictions_are_in_a_frame_of_1_x_1(tmp_path, row):
    predictions = read_predictions(folder_of(tmp_path, {"a": [row], "b": []}))
    assert predictions.xy.tolist() == [[0.5, 0.25]]
    assert predictions.sizes.tolist() == [[1, 1], [1, 1]]
    assert predictions.labels.tolist() == ["0"]
    assert (predictions.score is None) == (len(row) == 5)
    truth = Annotations(image_ids=["a", "b"], offsets=[0, 1, 1], xy=[[320, 120]], sizes=[[640, 480], [10, 10]])
    assert evaluate(predictions, truth, protocol=Protocol(metrics=("F1@8px",)))["F1@8px"] == 1


def test_yolo_truth_needs_the_sizes_of_the_images(tmp_path):
    folder = folder_of(tmp_path / "gt", {"a": [[1, 0.5, 0.25, 0.5, 0.5]], "b": []})
    (folder / "classes.txt").write_text("cow\nzebra\n")
    with pytest.raises(FormatError, match=r"width and height of the images.*--images DIR"):
        read_annotations(folder)
    (tmp_path / "images.txt").write_text("a.jpg 640 480\nb.jpg 320 240\nc.jpg 10 10\n")
    annotations = read_annotations(folder, images=tmp_path / "images.txt")
    assert annotations.image_ids == ("a", "b", "c")
    assert annotations.xy.tolist() == [[320, 120]]
    assert annotations.boxes.tolist() == [[160, 0, 480, 240]]
    assert annotations.sizes.tolist() == [[640, 480], [320, 240], [10, 10]]
    assert annotations.labels.tolist() == ["zebra"]


def test_the_images_of_yolo_stand_in_the_folder_beside_the_labels(tmp_path):
    folder = folder_of(tmp_path / "labels" / "val", {"a": [[0, 0.5, 0.25, 0.5, 0.5]]})
    (tmp_path / "images" / "val").mkdir(parents=True)
    Image.new("L", (64, 48)).save(tmp_path / "images" / "val" / "a.png")
    (tmp_path / "data.yaml").write_text("path: .\nnames:\n  0: head\n  1: hat\nnc: 2\n")
    with pytest.warns(CrowdevalWarning, match="sizes of the images are those of the files in"):
        annotations = read_annotations(folder)
    assert (annotations.xy.tolist(), annotations.labels.tolist()) == ([[32, 12]], ["head"])


def test_rows_of_visdrone_are_people_and_the_rest_is_said(tmp_path):
    folder = folder_of(
        tmp_path, {"a": [[10, 20, 4, 6, 1, 1, 0, 0], [0, 0, 50, 50, 0, 0, 0, 0], [5, 5, 8, 8, 1, 4, 0, 0]]}
    )
    with pytest.warns(CrowdevalWarning, match="2 rows of 'car', 'ignored region' are not read as people"):
        annotations = read_annotations(folder)
    assert (annotations.xy.tolist(), annotations.boxes.tolist()) == ([[12, 23]], [[10, 20, 14, 26]])


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ([0, 0.5, 0.25], "a class and a point in parts"),
        ([0, 0.1, 0.1, 0.2, 0.2, 0.3, 0.3], "outlines of YOLO segmentation"),
        ([0, 0.1, 0.1, 0.2, 0.2, 0.3, 0.3, 1], "YOLO pose"),
        ([1, 2, 30, 40, 5, 6, 1, -1, -1, -1], "MOT or VisDrone video"),
        ([30, 40, 10, 10], "x1 <= x2"),
    ],
)
def test_rows_that_are_something_else_are_named(tmp_path, row, words):
    with pytest.raises(FormatError, match=words):
        read_predictions(folder_of(tmp_path, {"a": [row]}))


def test_a_folder_of_folders_is_one_set(tmp_path):
    folder_of(tmp_path / "day", {"a": [[1, 2]]})
    folder_of(tmp_path / "night", {"a": [[3, 4]]})
    assert read_predictions(tmp_path).image_ids == ("day/a", "night/a")


def test_files_of_native_formats_are_joined(tmp_path):
    (tmp_path / "a.json").write_text('{"IMG_1": [[1, 2, 0.5]]}')
    (tmp_path / "b.json").write_text('{"IMG_2": [[3, 4, 0.6]], "IMG_3": []}')
    (tmp_path / "IMG_4.json").write_text("")
    predictions = read_predictions(tmp_path)
    assert sorted(predictions.image_ids) == ["IMG_1", "IMG_2", "IMG_3", "IMG_4"]
    (tmp_path / "b.json").write_text('{"IMG_1": [[3, 4, 0.6]]}')
    with pytest.raises(FormatError, match="IMG_1"):
        read_predictions(tmp_path)


def test_a_list_of_images_completes_predictions_and_gives_no_sizes_to_them(tmp_path):
    folder = folder_of(tmp_path / "p", {"a": [[1, 2, 0.5]]})
    (tmp_path / "list.txt").write_text("# images\na.jpg\nb.jpg\n")
    predictions = read_predictions(folder, images=tmp_path / "list.txt")
    assert (predictions.image_ids, predictions.offsets.tolist(), predictions.sizes) == (("a", "b"), [0, 1, 1], None)


def test_a_named_format_is_that_of_all_files(tmp_path):
    folder = folder_of(tmp_path, {"a": [[0, 0.5, 0.25]]})
    assert read_predictions(folder, format="xy").score.tolist() == [0.25]
    with pytest.raises(FormatError, match="4 or 5 columns for the format 'xyxy'"):
        read_predictions(folder, format="xyxy")


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
    with pytest.raises(FormatError, match="3 columns with a confidence, as predictions have"):
        read_annotations(folder_of(tmp_path, ROWS))


def test_an_empty_folder_is_refused_with_what_a_folder_may_be(tmp_path):
    with pytest.raises(FormatError, match=r"one file for each image.*NAME:SPLIT"):
        read_predictions(tmp_path)
