"""LabelMe: shapes that are points, the name of the image, and the problems with their places."""

import json

import pytest
from formats.foreign_json import contents, read_both, refused, said
from formats.test_fuzzing import quick
from hypothesis import given

from crowdeval.errors import FormatError
from crowdeval.formats import Source, detect, read_annotations
from crowdeval.formats.labelme import LABELME


def shape(*points, label="zebra", kind="point", **more):
    return {"label": label, "points": [list(point) for point in points], "group_id": None, "description": "",
            "shape_type": kind, "flags": {}, **more}  # fmt: skip


def document(*shapes, **more):
    return {"version": "5.4.1", "flags": {}, "shapes": list(shapes), "imagePath": "IMG_1.jpg", "imageData": None,
            "imageHeight": 480, "imageWidth": 640} | more  # fmt: skip


def source(value, name="folder/IMG_9.json"):
    return Source(name, json.dumps(value).encode(), ".json")


def test_points_are_read_with_their_class_and_the_size_of_the_image():
    read, texts = said(LABELME, source(document(shape((100, 50), label="elephant"), shape((300.5, 200)))))
    assert read.image_ids == ("IMG_1.jpg",)
    assert read.xy.tolist() == [[100.0, 50.0], [300.5, 200.0]]
    assert read.labels.tolist() == ["elephant", "zebra"]
    assert read.sizes.tolist() == [[640.0, 480.0]]
    assert texts == []


def test_predictions_have_the_scores_of_x_anylabeling():
    read, texts = said(LABELME, source(document(shape((1, 2), score=0.25), shape((3, 4), score=1))), "predictions")
    assert read.score.tolist() == [0.25, 1.0]
    assert read.labels.tolist() == ["zebra", "zebra"]
    assert texts == []


def test_a_score_of_null_is_none():
    assert LABELME.read_predictions(source(document(shape((1, 2), score=None)))).score is None


def test_an_image_without_shapes_is_empty():
    read = LABELME.read_annotations(source(document()))
    assert read.image_ids == ("IMG_1.jpg",)
    assert read.counts.tolist() == [0]


@pytest.mark.parametrize("path", ["..\\images\\IMG_1.jpg", "a/b/IMG_1.jpg", "IMG_1.jpg"])
def test_the_id_is_the_file_name_of_the_image(path):
    assert LABELME.read_annotations(source(document(imagePath=path))).image_ids == ("IMG_1.jpg",)


@pytest.mark.parametrize("path", [None, "", "images/"])
def test_without_a_path_the_id_is_the_stem_of_the_file(path):
    assert LABELME.read_annotations(source(document(imagePath=path))).image_ids == ("IMG_9",)


@pytest.mark.parametrize(
    "corners", [((10, 20), (30, 60)), ((30, 20), (10, 60)), ((10, 20), (30, 20), (30, 60), (10, 60))]
)
def test_a_rectangle_gives_its_centre_and_its_box(corners):
    read, texts = said(LABELME, source(document(shape(*corners, kind="rectangle"))))
    assert read.xy.tolist() == [[20.0, 40.0]]
    assert read.boxes.tolist() == [[10.0, 20.0, 30.0, 60.0]]
    assert texts == ["the points are the centres of 1 box"]


def test_other_shapes_are_counted_and_not_read():
    others = [shape((1, 2), (3, 4), (5, 6), kind=kind) for kind in ("polygon", "polygon", None, "circle", "rotation")]
    read, texts = said(LABELME, source(document(shape((1, 2)), *others)))
    assert read.counts.tolist() == [1]
    assert texts == ["3 polygons are not read", "1 circle is not read", "1 rotation shape is not read"]


def test_every_problem_has_its_place():
    message = refused(
        LABELME,
        source(
            document(
                shape((1, 2), (3, 4)),
                shape((1, "x")),
                shape((1, 2, 3)),
                shape((1, 2), kind="rectangle"),
                shape((1, 2), (3, None), kind="rectangle"),
                shape((1, 2), (-1, 2e9), kind="rectangle"),
                shape((1, 2), label=["zebra"]),
                shape((1, 2), kind=7),
                shape((1, 2), label="\ud800"),
                shape((1, 2), score="high"),
                "shape",
                imageWidth=0,
                imagePath=[],
            )
        ),
    )
    for line in [
        "imagePath: expected the path of the image, found []",
        "image 'IMG_9': expected a positive width and height, found [0, 480]",
        "shapes[0].points, image 'IMG_9': expected one point [[x, y]], found [[1, 2], [3, 4]]",
        "shapes[1].points[0], image 'IMG_9': expected a coordinate, a finite number, found 'x'",
        "shapes[2].points[0], image 'IMG_9': expected a point [x, y], found [1, 2, 3]",
        "shapes[3].points, image 'IMG_9': expected 2 or 4 corners of a rectangle, found [[1, 2]]",
        "shapes[4].points[1], image 'IMG_9': expected a corner [x, y], found [3, None]",
        "shapes[5].points[1], image 'IMG_9': expected a corner [x, y], found [-1, 2000000000.0]",
        "shapes[6].label: expected the name of a class, found ['zebra']",
        "shapes[7].shape_type, image 'IMG_9': expected the name of a shape, found 7",
        "shapes[8].label: expected the name of a class, found half of a surrogate pair",
        "shapes[9].points[0], image 'IMG_9': expected a confidence, a finite number, found 'high'",
        "shapes[10]: expected an object, found 'shape'",
    ]:
        assert line in message


def test_a_repeated_key_is_a_problem():
    content = json.dumps(document()).encode().replace(b'"flags"', b'"imagePath": "b.jpg", "flags"')
    message = refused(LABELME, Source("a.json", content, ".json"))
    assert message == "a.json: expected every key once, found 'imagePath' 2 times"


def test_a_file_without_shapes_is_refused():
    value = document()
    del value["shapes"]
    assert refused(LABELME, source(value)) == "folder/IMG_9.json: shapes: expected a list, found nothing"
    assert "expected an object with shapes and imagePath, found []" in refused(LABELME, source([]))


def test_a_folder_is_one_set_and_its_problems_name_the_files(tmp_path):
    for name in ("IMG_1", "IMG_2"):
        value = document(shape((1, 2)), imagePath=f"{name}.jpg")
        (tmp_path / f"{name}.json").write_text(json.dumps(value))
    assert detect(tmp_path / "IMG_1.json") == "labelme"
    assert read_annotations(tmp_path).image_ids == ("IMG_1.jpg", "IMG_2.jpg")
    (tmp_path / "IMG_2.json").write_text(json.dumps(document(shape((1, 2), (3, 4)))))
    with pytest.raises(FormatError) as caught:
        read_annotations(tmp_path)
    assert "IMG_2.json shapes[0].points" in str(caught.value)
    assert "expected every image once, found 'IMG_1.jpg' a second time" in str(caught.value)


@quick
@given(
    content=contents(
        document(
            shape((1, 2), score=0.5),
            shape((1, 2), (3, 4), kind="rectangle", score=0.5),
            shape((1, 2), (3, 4), kind="line"),
        )
    )
)
def test_any_file_is_read_or_refused(content):
    read_both("labelme", content)


@pytest.mark.parametrize("depth", [100, 300, 900, 1100, 3000])
@pytest.mark.parametrize(
    "name", ["labelme", "label-studio", "geojson", "dotdotgoose", "megadetector", "crowdhuman", "nwpu-json"]
)
def test_deep_values_are_refused(name, depth):
    deep = "[" * depth + "]" * depth
    objects = '{"a": ' * depth + "1" + "}" * depth
    keys = ("shapes", "type", "features", "points", "images", "detection_categories", "ID", "gtboxes", "img_id", "data")
    for value in (deep, objects):
        for key in keys:
            read_both(name, f'{{"{key}": {value}, "points": [{value}], "shapes": [{{"points": {value}}}]}}'.encode())
            read_both(name, f'[{{"{key}": {value}, "annotations": [{{"result": {value}}}]}}]'.encode())
