"""The JSON of an image of NWPU-Crowd: points, boxes where every point has one, and the number of people."""

import json

import pytest
from formats.foreign_json import contents, read_both, refused, said
from formats.test_fuzzing import quick
from hypothesis import given

from crowdeval.formats import Source, detect, read_annotations
from crowdeval.formats.nwpu_image import NWPU_IMAGE


def document(*points, **more):
    return {"img_id": "0001.jpg", "human_num": len(points), "points": [list(point) for point in points], **more}


def source(value):
    return Source("0001.json", json.dumps(value).encode(), ".json")


BOXED = document((3.5, 4), (30, 42), boxes=[[0, 0, 6, 8], [26, 36, 36, 48]])


def test_points_are_those_of_the_file_and_keep_their_boxes():
    read, _ = said(NWPU_IMAGE, source(BOXED))
    assert read.image_ids == ("0001.jpg",)
    assert read.xy.tolist() == [[3.5, 4.0], [30.0, 42.0]]
    assert read.boxes.tolist() == [[0.0, 0.0, 6.0, 8.0], [26.0, 36.0, 36.0, 48.0]]


def test_predictions_are_the_points():
    read, texts = said(NWPU_IMAGE, source(BOXED), "predictions")
    assert read.xy.tolist() == [[3.5, 4.0], [30.0, 42.0]]
    assert read.score is None
    assert texts == []


def test_an_image_without_people_is_empty():
    read, texts = said(NWPU_IMAGE, source(document(boxes=[])))
    assert (read.image_ids, read.counts.tolist(), texts) == (("0001.jpg",), [0], [])


@pytest.mark.parametrize("name", ["0001.jpg", "val/0001", "7"])
def test_the_id_stands_as_it_is(name):
    assert NWPU_IMAGE.read_annotations(source(document(img_id=name))).image_ids == (name,)


def test_boxes_of_some_points_are_not_kept():
    read, texts = said(NWPU_IMAGE, source(document((3, 4), (5, 6), boxes=[[0, 0, 6, 8]])))
    assert read.boxes is None
    assert read.counts.tolist() == [2]
    assert texts == ["boxes are not kept: image '0001.jpg' has 1 box and 2 points"]


@pytest.mark.parametrize("number", [1, 3, "2", 2.5, []])
def test_another_number_of_people_is_refused(number):
    message = refused(NWPU_IMAGE, source(BOXED | {"human_num": number}))
    assert message.startswith("0001.json: human_num, image '0001.jpg': expected 2, the number of points, found ")


def test_every_problem_has_its_place():
    value = document((1, 2), (3, "x"), (4,), boxes=[[0, 0, 1, 1], [5, 0, 1, 1], [0, 0, None, 1]])
    message = refused(NWPU_IMAGE, source(value | {"img_id": []}))
    for line in [
        "img_id: expected the name of an image, found []",
        "boxes[1], image '0': expected a box with x1 <= x2 and y1 <= y2, found [5.0, 0.0, 1.0, 1.0]",
        "boxes[2], image '0': expected a box [x1, y1, x2, y2], found [0, 0, None, 1]",
        "points[1], image '0': expected a coordinate, a finite number, found 'x'",
        "points[2], image '0': expected a point [x, y], found [4]",
    ]:
        assert line in message


def test_a_file_without_points_is_refused():
    assert "points, image '0001.jpg': expected a list of points [x, y], found null" in refused(
        NWPU_IMAGE, source({"img_id": "0001.jpg", "human_num": 3})
    )
    assert "boxes, image '0001.jpg': expected a list of boxes [x1, y1, x2, y2], found 7" in refused(
        NWPU_IMAGE, source(document((1, 2), boxes=7))
    )
    assert "expected an object with img_id and points, found []" in refused(NWPU_IMAGE, source([]))


@pytest.mark.filterwarnings("ignore::crowdeval.errors.CrowdevalWarning")
def test_a_folder_is_one_set(tmp_path):
    for name in ("0001", "0002"):
        (tmp_path / f"{name}.json").write_text(json.dumps(BOXED | {"img_id": f"{name}.jpg"}))
    assert detect(tmp_path / "0001.json") == "nwpu-json"
    read = read_annotations(tmp_path)
    assert read.image_ids == ("0001.jpg", "0002.jpg")
    assert len(read.boxes) == 4


@quick
@given(content=contents(BOXED))
def test_any_file_is_read_or_refused(content):
    read_both("nwpu-json", content)
