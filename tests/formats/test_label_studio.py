"""Label Studio: JSON and JSON-MIN, the annotation or prediction that counts, and the name of the image."""

import json

import pytest
from formats.foreign_json import contents, read_both, refused, said
from formats.test_fuzzing import quick
from hypothesis import given

from crowdeval.formats import Source, detect
from crowdeval.formats.label_studio import LABEL_STUDIO


def keypoint(x, y, label="zebra", **more):
    return {"id": "r1", "type": "keypointlabels", "from_name": "kp", "to_name": "img", "original_width": 640,
            "original_height": 480, "image_rotation": 0, "origin": "manual",
            "value": {"x": x, "y": y, "width": 0.5, "keypointlabels": [label]}} | more  # fmt: skip


def rectangle(x, y, width, height, rotation=0):
    value = {"x": x, "y": y, "width": width, "height": height, "rotation": rotation, "rectanglelabels": ["zebra"]}
    return keypoint(0, 0, type="rectanglelabels", value=value)


def other(kind):
    return {"id": "r2", "type": kind, "from_name": "x", "to_name": "img", "value": {kind: []}}


def annotation(*results, **more):
    return {"id": 1, "completed_by": 1, "result": list(results), "was_cancelled": False, "ground_truth": False, **more}


def task(*annotations, image="/data/upload/1/0123abcd-IMG_1.jpg", **more):
    return {"id": 1, "annotations": list(annotations), "file_upload": "0123abcd-IMG_1.jpg", "drafts": [],
            "predictions": [], "data": {"image": image}, "meta": {}} | more  # fmt: skip


def small(**results):
    task = {"image": "/data/upload/1/0123abcd-IMG_1.jpg", "id": 1, "annotator": 1, "annotation_id": 5}
    return task | results | {"created_at": "2024-01-01T00:00:00Z", "lead_time": 3.5}


def small_point(x, y, **more):
    return {"x": x, "y": y, "width": 0.5, "keypointlabels": ["zebra"], "original_width": 640, "original_height": 480,
            **more}  # fmt: skip


def source(value):
    return Source("export.json", json.dumps(value).encode(), ".json")


EXPORT = [
    task(annotation(keypoint(25, 50, "elephant"), keypoint(12.5, 75))),
    task(annotation(), image="/data/upload/1/89abcdef-IMG_2.jpg"),
]
PREDICTED = [
    task(predictions=[{"id": 1, "model_version": "v1", "score": 0.5,
                       "result": [keypoint(25, 50, score=0.75), keypoint(12.5, 75, score=None)]}]),
    task(predictions=[{"id": 2, "score": 0.5, "result": []}], image="s3://bucket/IMG_2.jpg"),
]  # fmt: skip


def test_points_of_an_export_become_pixels():
    read, texts = said(LABEL_STUDIO, source(EXPORT))
    assert read.image_ids == ("IMG_1.jpg", "IMG_2.jpg")
    assert read.offsets.tolist() == [0, 2, 2]
    assert read.xy.tolist() == [[160.0, 240.0], [80.0, 360.0]]
    assert read.labels.tolist() == ["elephant", "zebra"]
    assert read.sizes.tolist()[0] == [640.0, 480.0]
    assert texts == []


def test_predictions_have_their_own_scores_or_that_of_the_task():
    read, texts = said(LABEL_STUDIO, source(PREDICTED), "predictions")
    assert read.image_ids == ("IMG_1.jpg", "IMG_2.jpg")
    assert read.xy.tolist() == [[160.0, 240.0], [80.0, 360.0]]
    assert read.score.tolist() == [0.75, 0.5]
    assert read.labels.tolist() == ["zebra", "zebra"]
    assert texts == []


def test_scores_that_annotations_keep_of_predictions_are_nothing():
    read, texts = said(LABEL_STUDIO, source([task(annotation(keypoint(25, 50, score=0.5), keypoint(1, 2, score="x")))]))
    assert read.counts.tolist() == [2]
    assert texts == []


def test_a_rectangle_gives_its_centre_and_its_box():
    read, texts = said(LABEL_STUDIO, source([task(annotation(rectangle(25, 50, 12.5, 25)))]))
    assert read.xy.tolist() == [[200.0, 300.0]]
    assert read.boxes.tolist() == [[160.0, 240.0, 240.0, 360.0]]
    assert texts == ["the points are the centres of 1 box"]


def test_points_and_rectangles_without_a_class_are_read():
    point = keypoint(25, 50, type="keypoint", value={"x": 25, "y": 50})
    box = keypoint(0, 0, type="rectangle", value={"x": 0, "y": 0, "width": 50, "height": 50, "labels": ["zebra"]})
    read, _ = said(LABEL_STUDIO, source([task(annotation(point, box))]))
    assert read.xy.tolist() == [[160.0, 240.0], [160.0, 120.0]]
    assert read.labels.tolist() == ["", "zebra"]


def test_other_results_are_counted_and_not_read():
    kinds = ("polygonlabels", "polygonlabels", "brushlabels", "ellipse", "choices", "relation")
    read, texts = said(LABEL_STUDIO, source([task(annotation(keypoint(1, 2), *map(other, kinds)))]))
    assert read.counts.tolist() == [1]
    assert texts == ["2 polygons are not read", "1 mask is not read", "1 ellipse is not read",
                     "1 choices result is not read", "1 relation result is not read"]  # fmt: skip


def test_cancelled_annotations_do_not_count():
    value = [task(annotation(keypoint(1, 2), was_cancelled=True), annotation(keypoint(25, 50)))]
    assert said(LABEL_STUDIO, source(value))[0].xy.tolist() == [[160.0, 240.0]]


def test_of_several_annotations_the_ground_truth_counts():
    value = [task(annotation(keypoint(1, 2)), annotation(keypoint(25, 50), ground_truth=True))]
    assert said(LABEL_STUDIO, source(value))[0].xy.tolist() == [[160.0, 240.0]]


@pytest.mark.parametrize("truths", [0, 2])
def test_several_annotations_without_one_ground_truth_are_refused(truths):
    value = [task(*[annotation(keypoint(1, 2), ground_truth=truths > 0)] * 2)]
    assert refused(LABEL_STUDIO, source(value)) == (
        "export.json: [0].annotations: expected one annotation that is not cancelled, found 2 "
        "(mark one of them as ground truth in Label Studio)"
    )


def test_of_several_predictions_the_last_counts():
    runs = [{"model_version": name, "result": [keypoint(x, 50, score=0.5)]} for name, x in (("v1", 1), ("v2", 25))]
    read, texts = said(LABEL_STUDIO, source([task(predictions=runs)]), "predictions")
    assert read.xy.tolist() == [[160.0, 240.0]]
    assert texts == ["of several predictions of a task the last one is read"]


def test_tasks_that_are_not_annotated_or_predicted_are_left_out_and_named():
    skipped = task(annotation(was_cancelled=True), image="c.jpg")
    read, texts = said(LABEL_STUDIO, source([*EXPORT, task(image="b.jpg"), skipped]))
    assert read.image_ids == ("IMG_1.jpg", "IMG_2.jpg")
    assert texts == ["2 tasks without annotations left out: 'b.jpg', 'c.jpg'"]
    read, texts = said(LABEL_STUDIO, source([*PREDICTED, task(image="b.jpg")]), "predictions")
    assert read.image_ids == ("IMG_1.jpg", "IMG_2.jpg")
    assert texts == ["1 task without predictions left out: 'b.jpg'"]


def test_a_file_of_the_other_kind_is_refused():
    assert refused(LABEL_STUDIO, source(PREDICTED)) == (
        "export.json: expected tasks with annotations, found only predictions"
    )
    assert refused(LABEL_STUDIO, source(EXPORT), "predictions") == (
        "export.json: expected tasks with predictions, found only annotations"
    )
    assert refused(LABEL_STUDIO, source([task()])) == "export.json: expected tasks with annotations, found none"


def test_json_min_is_read():
    value = [
        small(kp=[small_point(25, 50), small_point(12.5, 75)]),
        small(kp=[], image="/data/upload/1/89abcdef-IMG_2.jpg"),
    ]
    for kind in ("annotations", "predictions"):
        read, texts = said(LABEL_STUDIO, source(value), kind)
        assert read.image_ids == ("IMG_1.jpg", "IMG_2.jpg")
        assert read.xy.tolist() == [[160.0, 240.0], [80.0, 360.0]]
        assert read.labels.tolist() == ["zebra", "zebra"]
        assert read.sizes.tolist()[0] == [640.0, 480.0]
        assert texts == []


def test_json_min_has_rectangles_points_without_a_class_and_other_results():
    size = {"original_width": 640, "original_height": 480}
    box = {"x": 25, "y": 50, "width": 12.5, "height": 25, "rotation": 0, "rectanglelabels": ["zebra"], **size}
    bare = [{"x": 25, "y": 50, "width": 0.5, **size}, {"x": 0, "y": 0, "width": 50, "height": 50, **size}]
    outline = {"points": [[1, 2], [3, 4]], "polygonlabels": ["zebra"], **size}
    value = small(box=[box], bare=bare, outline=[outline], text=[{"text": ["hello"]}], notes=["a", 7], choice="day")
    read, texts = said(LABEL_STUDIO, source([value]))
    assert read.xy.tolist() == [[200.0, 300.0], [160.0, 240.0], [160.0, 120.0]]
    assert read.labels.tolist() == ["zebra", "", ""]
    assert texts == [
        "the points are the centres of 2 boxes",
        "1 polygon is not read",
        "1 text result is not read",
        "boxes are not kept: they are given for 2 of 3 points",
    ]


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("/data/upload/1/0123abcd-IMG_1.jpg", "IMG_1.jpg"),
        ("https://host/data/upload/1/0123abcd-IMG_1.jpg?token=1/2", "IMG_1.jpg"),
        ("0123abcd-IMG_1.jpg", "IMG_1.jpg"),
        ("s3://bucket/folder/IMG_1.jpg", "IMG_1.jpg"),
        ("s3://bucket/folder/20230101-0001.jpg", "20230101-0001.jpg"),
        ("/data/local-files/?d=folder/IMG_1.jpg", "IMG_1.jpg"),
        ("/data/local-files/?d=folder%5CIMG%201.jpg", "IMG 1.jpg"),
        ("https://host/a%20b/IMG%201.JPG#x", "IMG 1.JPG"),
        ("/data/upload/1/0123abcd-", "0123abcd-"),
    ],
)
def test_the_id_is_the_name_of_the_image_without_the_prefix_of_an_upload(value, name):
    assert said(LABEL_STUDIO, source([task(annotation(), image=value)]))[0].image_ids == (name,)


@pytest.mark.parametrize(
    "data",
    [
        {"photo": "IMG_1.jpg"},
        {"photo": "IMG_1"},
        {"photo": "IMG_1.jpg", "place": "Etosha"},
        {"image": "IMG_1.jpg", "thumbnail": "small.jpg"},
        {"image": "IMG_1", "place": "Etosha", "number": 7},
    ],
)
def test_the_image_is_found_among_the_data_of_a_task(data):
    read, _ = said(LABEL_STUDIO, source([task(annotation(), data=data)]))
    assert read.image_ids[0].startswith("IMG_1")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({}, "[0].data: expected the path or URL of one image, found none"),
        ({"a": "a.jpg", "b": "b.jpg"}, "[0].data: expected the path or URL of one image, found 'a', 'b'"),
        ({"images": ["a.jpg"]}, "[0].data: expected the path or URL of one image, found none"),
        ({"image": "data:image/png;base64,AAAA"}, "[0].data.image: expected the path or URL of an image, found the"),
        ([], "[0].data: expected an object, found []"),
    ],
)
def test_a_task_of_no_or_several_images_is_refused(data, words):
    assert words in refused(LABEL_STUDIO, source([task(annotation(), data=data)]))


def test_rotations_are_refused():
    value = [task(annotation(rectangle(1, 2, 3, 4, rotation=30), keypoint(1, 2, image_rotation=90)))]
    message = refused(LABEL_STUDIO, source(value))
    start = "image 'IMG_1.jpg': expected an image and rectangles that are not rotated, found a rotation of"
    assert f"[0].annotations[0].result[0].value, {start} 30 degrees" in message
    assert f"[0].annotations[0].result[1].value, {start} 90 degrees" in message


def test_without_a_size_predictions_stay_percent_and_annotations_are_refused():
    bare = dict.fromkeys(("original_width", "original_height"))
    read, _ = said(LABEL_STUDIO, source([task(predictions=[{"result": [keypoint(25, 50) | bare]}])]), "predictions")
    assert (read.xy.tolist(), read.sizes.tolist()) == ([[25.0, 50.0]], [[100.0, 100.0]])
    message = refused(LABEL_STUDIO, source([task(annotation(keypoint(25, 50) | bare))]))
    assert "expected the width and height of the image" in message


def test_every_problem_has_its_place():
    message = refused(
        LABEL_STUDIO,
        source(
            [
                task(annotation(keypoint(None, 2), keypoint(1, 2, original_width=320), keypoint(1, 2, to_name="b"))),
                task(annotation(keypoint(1, 2, original_width="wide"), rectangle(1, 2, "3", 4)), image="b.jpg"),
                task(annotation(rectangle(1, 2, -3, 4), keypoint(1, 2, value=[]), other(7), []), image="c.jpg"),
                task(annotation(keypoint(1, 2, value={"x": 1, "y": 2, "keypointlabels": ["a", "b"]})), image="d.jpg"),
                task(annotation(keypoint(1, 2, label={})), image="d.jpg"),
                task(annotation(result=None), image="e.jpg"),
                task(annotations=None, image="f.jpg"),
                "task",
            ]
        ),
    )
    for line in [
        "[0].annotations[0].result[0].value, image 'IMG_1.jpg': expected a coordinate, a finite number, found null",
        "[0].annotations[0].result[1].value, image 'IMG_1.jpg': expected results of one size of the image, found",
        "[0], image 'IMG_1.jpg': expected one image a task, found results for 'b', 'img'",
        "[1].annotations[0].result[0].value, image 'b.jpg': expected the size of the image [original_width, ",
        "[1].annotations[0].result[1].value, image 'b.jpg': expected a rectangle [x, y, width, height], found [1, 2",
        "[2].annotations[0].result[0].value, image 'c.jpg': expected a box with x1 <= x2 and y1 <= y2, found [1.0",
        "[2].annotations[0].result[1].value: expected an object with x and y, found []",
        "[2].annotations[0].result[2].type: expected the type of a result, found 7",
        "[2].annotations[0].result[3]: expected an object, found []",
        "[3].annotations[0].result[0].value.keypointlabels: expected a list of one class, found ['a', 'b']",
        "[4].annotations[0].result[0].value.keypointlabels: expected the name of a class, found {}",
        "[4], image 'd.jpg': expected every image once, found 'd.jpg' a second time",
        "[5].annotations[0].result: expected a list, found nothing",
        "[6].annotations: expected a list, found nothing",
        "[7]: expected an object, found 'task'",
    ]:
        assert line in message


def test_predictions_that_are_only_numbers_are_refused():
    message = refused(LABEL_STUDIO, source([task(predictions=[4, 5])]), "predictions")
    assert "[0].predictions[1]: expected a prediction with its result, found 5" in message
    assert "[0].predictions: expected a list, found 5" in refused(
        LABEL_STUDIO, source([task(predictions=5)]), "predictions"
    )


def test_a_file_that_is_no_list_is_refused():
    assert refused(LABEL_STUDIO, source(task())).startswith("export.json: expected a list, found an object with")


LATE = [task(annotation(*[keypoint(x / 100, 50) for x in range(5000)]))]


@pytest.mark.parametrize(
    "value",
    [EXPORT, PREDICTED, [small(kp=[small_point(1, 2)])], [small()], [small(kp=[])], LATE],
    ids=["export", "predictions", "min", "min without results", "min with none", "data after a megabyte"],
)
def test_the_format_is_found(value, tmp_path):
    (tmp_path / "export.json").write_text(json.dumps(value))
    assert detect(tmp_path / "export.json") == "label-studio"


@quick
@given(
    content=contents(
        [task(annotation(keypoint(1, 2), rectangle(1, 2, 3, 4)), predictions=[annotation(keypoint(1, 2))])]
    )
)
def test_any_export_is_read_or_refused(content):
    read_both("label-studio", content)


@quick
@given(content=contents([small(kp=[small_point(1, 2)], box=[{"x": 1, "y": 2, "width": 3, "height": 4}])]))
def test_any_json_min_is_read_or_refused(content):
    read_both("label-studio", content)
