"""Files that newcomers bring and that are not right: one error or warning that names the mend."""

import gzip
import json

import pytest
from PIL import Image

from crowdeval.cli.choices import FORMATS, WRITTEN
from crowdeval.formats import FORMATS as READERS
from crowdeval.formats.foreign import ForeignFormat
from crowdeval.formats.row_formats import RowsFormat


def written(folder, name, content):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("p.csv", "image,x,y,score\na,1,2,z\na,1,q,0.4\n", ["line 2: expected a number in 'score'", "line 3"]),
        ("p.csv", "image,x,y,objectness\na,1,2,0.4\n", ["column 'objectness', which looks like confidences"]),
        ("p.csv", "image,cx,cy\na,1,2\n", ["rename 'cx' to 'x' and 'cy' to 'y'"]),
        ("p.csv", "frame,x,y\n1,10,20\n1,30,20\n2,10,20\n", ["column 'frame' with 2 values", "rename it to 'image'"]),
        ("p.csv", "key,x,y\na,10,20\nb,30,20\n", ["column 'key' with 2 values"]),
        ("p.json", "{}", ["expected images, found none"]),
        ("p.json", "[]", ["expected images, found none"]),
        ("w/a.txt", "person 0.9 10 20 30 40\n", ["the line 'person 0.9 10 20 30 40'", "leave words"]),
        ("xyc/a.txt", "1 2 0\n3 4 1\n5 6 2\n7 8 0\n", ["3 columns of which one looks like a class"]),
        ("cxy/a.txt", "0 10 20\n0 13 40\n1 70 20\n0 18 9\n", ["3 columns of which one looks like a class"]),
        ("root/labels/train/a.txt", "0 0.5 0.5 0.1 0.1\n", ["the root of YOLO's folders: name"]),
    ],
)
def test_check_names_what_is_wrong_and_how_it_is_mended(crowdeval, tmp_path, name, content, words):
    path = written(tmp_path, name, content)
    code, _, err = crowdeval("check", str(tmp_path / name.split("/")[0]) if "/" in name else str(path))
    assert code == 3
    for word in words:
        assert word in err


def test_an_empty_gzip_file_in_a_folder_is_an_image_without_points(crowdeval, tmp_path):
    written(tmp_path, "f/a.txt", "1 2 0.4\n")
    written(tmp_path, "f/b.txt.gz", gzip.compress(b""))
    code, out, _ = crowdeval("check", str(tmp_path / "f"))
    assert (code, "Predictions(2 images, 1 points)" in out) == (0, True)


def test_options_of_pairs_are_refused_for_one_file(crowdeval, tmp_path):
    path = written(tmp_path, "p.json", '{"a": [[1, 2]]}')
    for option in (["--frame", "yx"], ["--class", "cow"], ["--missing", "empty"]):
        code, _, err = crowdeval("check", str(path), *option)
        assert (code, f"{option[0]}: says how two files meet" in err) == (2, True)


def test_a_table_of_both_counts_is_checked_as_both_and_converted_as_one_of_them(crowdeval, tmp_path):
    path = written(tmp_path, "both.csv", "image,predicted,gt\na,1,2\nb,3.5,4\n")
    code, out, _ = crowdeval("check", str(path))
    assert code == 0
    assert "Predictions(2 images, counts only: 4.5 people)" in out
    assert "Annotations(2 images, counts only: 6 people)" in out
    code, _, err = crowdeval("convert", str(path), str(tmp_path / "x.json"))
    assert (code, "has both true and predicted counts" in err) == (2, True)


def test_points_of_predictions_are_converted_with_the_sizes_of_images(crowdeval, tmp_path):
    path = written(tmp_path, "p.json", '{"a": {"points": [[0.5, 0.25]], "scores": [0.9]}}')
    Image.new("L", (64, 48)).save(tmp_path / "a.png")
    listed = written(tmp_path, "images.txt", f"{tmp_path / 'a.png'}\n")
    for images in (tmp_path, listed):
        out = tmp_path / "out" / "x.json"
        out.parent.mkdir(exist_ok=True)
        out.unlink(missing_ok=True)
        code, _, err = crowdeval("convert", str(path), str(out), "--frame", "normalized", "--images", str(images))
        assert code == 0, err
        assert "32.0, 12.0" in json.dumps(json.loads(out.read_text()))
    code, _, err = crowdeval("convert", str(path), str(tmp_path / "y.json"), "--frame", "normalized")
    assert (code, "needs the width and height of every image" in err) == (3, True)


def test_points_in_the_unit_square_without_sizes_are_said(crowdeval, tmp_path):
    found = written(tmp_path, "p.json", json.dumps({"a": [[0.1, 0.2], [0.5, 0.5], [0.9, 0.1]]}))
    truth = written(tmp_path, "gt.json", json.dumps({"a": [[10, 20], [50, 50], [90, 10]]}))
    code, _, err = crowdeval("score", str(found), str(truth))
    assert (code, "all 3 predicted points lie between 0 and 1" in err) == (0, True)
    same = written(tmp_path, "q.json", json.dumps({"a": [[10, 20], [50, 50], [90, 10]]}))
    assert "between 0 and 1" not in crowdeval("score", str(same), str(truth))[2]


def test_an_unknown_dataset_is_named_with_the_known_ones(crowdeval):
    code, _, err = crowdeval("check", "FDST:test")
    assert (code, "no dataset of this name; the datasets: shanghaitech-a" in err) == (4, True)


def test_yolo_predictions_are_in_pixels_where_sizes_are_listed(crowdeval, tmp_path):
    written(tmp_path, "labels/a.txt", "0 0.5 0.5 0.1 0.1 0.9\n")
    sizes = written(tmp_path, "sizes.csv", "a.jpg,200,100\n")
    out = tmp_path / "p.json"
    code, _, err = crowdeval(
        "convert", str(tmp_path / "labels"), str(out), "--images", str(sizes), "--as", "predictions"
    )
    assert code == 0, err
    assert "[100.0,50.0]" in out.read_text().replace(" ", "")


def test_a_frame_of_units_is_refused_where_the_file_names_its_own(crowdeval, tmp_path):
    found = written(tmp_path, "p/a.txt", "0 0.5 0.5 0.1 0.1 0.9\n").parent
    truth = {"images": [{"id": "a", "width": 200, "height": 100, "points": [[100, 50]]}]}
    annotations = written(tmp_path, "gt.json", json.dumps(truth))
    assert crowdeval("score", str(found), str(annotations))[0] == 0
    code, _, err = crowdeval("score", str(found), str(annotations), "--frame", "normalized")
    assert (code, "leave normalized out of --frame" in err) == (2, True)


def test_the_written_formats_are_those_that_can_be_written():
    assert tuple(name for name in FORMATS if not isinstance(READERS[name], ForeignFormat | RowsFormat)) == WRITTEN


@pytest.mark.parametrize("form", ["nwpu", "coco"])
def test_parts_of_width_and_height_are_not_written_where_they_would_be_pixels(crowdeval, tmp_path, form):
    written(tmp_path, "labels/a.txt", "0 0.5 0.5 0.1 0.1 0.9\n")
    command = ["convert", str(tmp_path / "labels"), str(tmp_path / "out"), "--to", form, "--as", "predictions"]
    code, _, err = crowdeval(*command)
    assert (code, "these points are parts of width and height" in err) == (2, True)
    assert not (tmp_path / "out").exists()
    assert crowdeval(*command, "--images", str(written(tmp_path, "sizes.csv", "a.jpg,200,100\n")))[0] == 0
