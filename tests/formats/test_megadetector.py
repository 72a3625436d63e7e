"""MegaDetector: boxes in parts of the image and in pixels, failed images, and the problems with their places."""

import json
from dataclasses import replace

import pytest
from formats.foreign_json import contents, read_both, refused, said
from formats.test_fuzzing import quick
from hypothesis import given

from crowdeval.formats import Source, detect
from crowdeval.formats.megadetector import MEGADETECTOR


def detection(*box, conf=0.9, category="1", **more):
    return {"category": category, "conf": conf, "bbox": list(box), **more}


def batch(*images, **more):
    return {
        "info": {"format_version": "1.6", "detector": "MDV5A"},
        "detection_categories": {"1": "animal", "2": "person"},
        "images": list(images),
        **more,
    }


def in_pixels(*box, confidence=0.9):
    return {"category": "animal", "confidence": confidence, "bbox": list(box)}


def source(value):
    return Source("md.json", json.dumps(value).encode(), ".json")


BATCH = batch(
    {
        "file": "a/IMG_1.jpg",
        "width": 640,
        "height": 480,
        "detections": [detection(0.25, 0.5, 0.5, 0.25), detection(0, 0, 0.5, 0.5, conf=0.125, category="2")],
    },
    {"file": "IMG_2.jpg", "width": 640, "height": 480, "detections": []},
)
LIST = [
    {"file": "IMG_1.jpg", "detections": [in_pixels(97, 46, 107, 56), in_pixels(0, 0, 4, 6, confidence=0.25)]},
    {"file": "IMG_2.jpg", "detections": []},
]


def test_parts_of_the_image_become_pixels_where_the_file_has_sizes():
    read, texts = said(MEGADETECTOR, source(BATCH), "predictions")
    assert read.image_ids == ("a/IMG_1.jpg", "IMG_2.jpg")
    assert read.offsets.tolist() == [0, 2, 2]
    assert read.xy.tolist() == [[320.0, 300.0], [160.0, 120.0]]
    assert read.score.tolist() == [0.9, 0.125]
    assert read.labels.tolist() == ["animal", "person"]
    assert read.sizes.tolist() == [[640.0, 480.0], [640.0, 480.0]]
    assert texts == ["the points are the centres of 2 boxes"]


def test_without_sizes_predictions_stay_in_parts_of_the_image():
    read, _ = said(MEGADETECTOR, source(batch({"file": "a", "detections": [detection(0.25, 0.5, 0.5, 0.25)]})),
                   "predictions")  # fmt: skip
    assert read.xy.tolist() == [[0.5, 0.625]]
    assert read.sizes.tolist() == [[1.0, 1.0]]


def test_sizes_can_come_from_the_list_of_images():
    value = source(batch({"file": "a.jpg", "detections": [detection(0.25, 0.5, 0.5, 0.25)]}))
    value = replace(value, sizes={"a.jpg": (400.0, 200.0)})
    read, _ = said(MEGADETECTOR, value, "predictions")
    assert read.xy.tolist() == [[200.0, 125.0]]
    read, _ = said(MEGADETECTOR, value)
    assert read.boxes.tolist() == [[100.0, 100.0, 300.0, 150.0]]


def test_annotations_are_read_the_same_way():
    read, texts = said(MEGADETECTOR, source(BATCH))
    assert read.xy.tolist() == [[320.0, 300.0], [160.0, 120.0]]
    assert read.boxes.tolist() == [[160.0, 240.0, 480.0, 360.0], [0.0, 0.0, 320.0, 240.0]]
    assert texts == ["the points are the centres of 2 boxes", "confidences are not read as annotations"]


def test_the_list_dialect_has_corners_in_pixels():
    read, texts = said(MEGADETECTOR, source(LIST), "predictions")
    assert read.image_ids == ("IMG_1.jpg", "IMG_2.jpg")
    assert read.xy.tolist() == [[102.0, 51.0], [2.0, 3.0]]
    assert read.score.tolist() == [0.9, 0.25]
    assert read.labels.tolist() == ["animal", "animal"]
    assert read.sizes is None
    assert texts == ["the points are the centres of 2 boxes"]
    assert said(MEGADETECTOR, source(LIST))[0].boxes.tolist() == [[97.0, 46.0, 107.0, 56.0], [0.0, 0.0, 4.0, 6.0]]


@pytest.mark.parametrize("failed", [{"detections": None}, {}, {"detections": []}])
def test_an_image_that_failed_is_left_out_and_named(failed):
    broken = {"file": "broken.jpg", "failure": "Failure image access", **failed}
    fine = {"file": "fine.jpg", "failure": None, "detections": []}
    read, texts = said(MEGADETECTOR, source(batch(broken, fine)), "predictions")
    assert read.image_ids == ("fine.jpg",)
    assert texts == ["MegaDetector failed on 1 image, left out here: 'broken.jpg'"]


def test_detections_of_categories_that_are_not_listed_are_none():
    value = batch({"file": "a", "detections": [detection(0, 0, 0, 0, category="9"), detection(0, 0, 1, 1)]})
    read, texts = said(MEGADETECTOR, source(value), "predictions")
    assert read.labels.tolist() == ["animal"]
    assert texts[1:] == ["1 detection of categories that are not in detection_categories are not read"]


def test_classifications_are_said_to_be_left_out():
    value = batch({"file": "a", "detections": [detection(0, 0, 1, 1, classifications=[["3", 0.9]])]})
    texts = said(MEGADETECTOR, source(value), "predictions")[1]
    assert texts[1:] == ["classifications are not read; the class is the category of the detection"]


def test_a_box_may_reach_a_little_beyond_the_image():
    value = batch({"file": "a", "detections": [detection(-0.001, 0.5, 1.002, 0.55)]})
    assert said(MEGADETECTOR, source(value), "predictions")[0].xy.shape == (1, 2)


def test_every_problem_has_its_place():
    message = refused(
        MEGADETECTOR,
        source(
            batch(
                {"file": 1.5, "detections": []},
                {"file": "b", "detections": None},
                {"file": "c", "detections": [detection(10, 20, 30, 40), detection(0, 0, 1), {"category": []}, 3]},
                {"file": "d", "detections": [detection(0, 0, 1, 1, conf="high"), detection(0.5, 0, -0.25, 1)]},
                {"file": "e", "width": 0, "height": 10, "detections": []},
                {"file": "f", "width": 10, "detections": []},
                {"file": "g.mp4", "frame_rate": 20, "frames_processed": [0, 20], "detections": []},
                {"file": "b", "detections": []},
                detection_categories={"1": "animal", "2": ["person"]},
            )
        ),
        "predictions",
    )
    for line in [
        "images[0].file: expected the path of an image, found 1.5",
        "images[1].detections: expected a list, found nothing",
        "images[2].detections[0].bbox, image 'c': expected a box in parts of the image, 0 to 1, found [10.0, 20.0, ",
        "images[2].detections[1].bbox, image 'c': expected a box [x, y, width, height], found [0, 0, 1]",
        "images[2].detections[2].category: expected a category, found []",
        "images[2].detections[3]: expected an object, found 3",
        "images[3].detections[0].bbox, image 'd': expected a confidence, a finite number, found 'high'",
        "images[3].detections[1].bbox, image 'd': expected a box with x1 <= x2 and y1 <= y2, found [0.5, 0.0, 0.25",
        "images[4], image 'e': expected a positive width and height, found [0.0, 10.0]",
        "images[5], image 'f': expected numbers of pixels [width, height], found [10, None]",
        "images[6], image 'g.mp4': expected an image, found a video (take its frames as images)",
        "images[7], image 'b': expected every image once, found 'b' a second time",
        "detection_categories.2: expected the name of a class, found ['person']",
    ]:
        assert line in message


def test_a_list_of_parts_of_the_image_is_refused():
    value = [{"file": "a", "detections": [in_pixels(0.1, 0.1, 0.2, 0.2)]}]
    assert refused(MEGADETECTOR, source(value), "predictions") == (
        "md.json: [0].detections: expected a list with boxes [x1, y1, x2, y2] in pixels, found only numbers up to 1"
    )


def test_true_points_in_parts_of_an_image_of_unknown_size_are_refused():
    value = batch({"file": "a", "detections": [detection(0, 0, 1, 1)]})
    assert "image 'a': expected the width and height of the image" in refused(MEGADETECTOR, source(value))


def test_a_file_without_images_is_refused():
    message = refused(MEGADETECTOR, source({"images": None}))
    assert "detection_categories: expected an object with the names of the categories, found nothing" in message
    assert "images: expected a list, found nothing" in message
    assert "expected an object with images, or a list of them, found 7" in refused(MEGADETECTOR, source(7))


@pytest.mark.parametrize("value", [BATCH, LIST])
def test_the_format_is_found(value, tmp_path):
    (tmp_path / "md.json").write_text(json.dumps(value, indent=1))
    assert detect(tmp_path / "md.json") == "megadetector"


@quick
@given(content=contents(BATCH))
def test_any_file_is_read_or_refused(content):
    read_both("megadetector", content)


@quick
@given(content=contents(LIST))
def test_any_list_is_read_or_refused(content):
    read_both("megadetector", content)
