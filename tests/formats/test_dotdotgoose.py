"""DotDotGoose: points by image and class, empty images, and the problems with their places."""

import json

from formats.foreign_json import contents, read_both, refused, said
from formats.test_fuzzing import quick
from hypothesis import given

from crowdeval.formats import Source, detect
from crowdeval.formats.dotdotgoose import DOTDOTGOOSE


def project(**images):
    return {"classes": ["elephant", "zebra"], "points": images, "colors": {"zebra": [0, 0, 255]},
            "metadata": {"survey_id": "demo", "coordinates": {}}, "custom_fields": {"fields": [], "data": {}},
            "ui": {"grid": {"size": 200, "color": [255, 255, 255]}}}  # fmt: skip


def points(*pairs):
    return [{"x": x, "y": y} for x, y in pairs]


def source(value):
    return Source("survey.pnt", value if isinstance(value, bytes) else json.dumps(value).encode(), ".pnt")


SURVEY = project(
    **{"IMG_1.jpg": {"elephant": points((100.5, 50)), "zebra": points((300, 200), (1, 2))}, "IMG_3.jpg": {}}
)


def test_points_are_read_by_image_and_class():
    for kind in ("annotations", "predictions"):
        read, texts = said(DOTDOTGOOSE, source(SURVEY), kind)
        assert read.image_ids == ("IMG_1.jpg", "IMG_3.jpg")
        assert read.offsets.tolist() == [0, 3, 3]
        assert read.xy.tolist() == [[100.5, 50.0], [300.0, 200.0], [1.0, 2.0]]
        assert read.labels.tolist() == ["elephant", "zebra", "zebra"]
        assert read.sizes is None
        assert texts == []


def test_the_format_is_found(tmp_path):
    (tmp_path / "survey.pnt").write_text(json.dumps(SURVEY))
    assert detect(tmp_path / "survey.pnt") == "dotdotgoose"


def test_every_problem_has_its_place():
    message = refused(
        DOTDOTGOOSE,
        source(
            project(
                a={"zebra": [{"x": 1}, {"x": "left", "y": 2}, [1, 2]]},
                b=[],
                c={"zebra": {"x": 1, "y": 2}, "\ud800": []},
                **{"": {}},
            )
        ),
    )
    for line in [
        "points.a.zebra[0], image 'a': expected a coordinate, a finite number, found null",
        "points.a.zebra[1], image 'a': expected a coordinate, a finite number, found 'left'",
        "points.a.zebra[2]: expected an object, found [1, 2]",
        "points.b: expected an object of classes, found []",
        "points.c.zebra: expected a list, found an object with the keys 'x', 'y'",
        'points.c["\\ud800"]: expected the name of a class, found half of a surrogate pair',
        "expected the name of an image, found ''",
    ]:
        assert line in message


def test_an_image_or_a_class_that_stands_twice_is_a_problem():
    text = '{"classes": [], "points": {"a": {}, "a": {"zebra": [], "zebra": []}}}'
    message = refused(DOTDOTGOOSE, source(text.encode()))
    assert "points: expected every key once, found 'a' 2 times" in message
    assert "points.a: expected every key once, found 'zebra' 2 times" in message


def test_a_file_without_points_is_refused():
    assert refused(DOTDOTGOOSE, source({"classes": []})) == (
        "survey.pnt: points: expected an object of images, found nothing"
    )
    assert "expected a project of DotDotGoose, an object, found [1]" in refused(DOTDOTGOOSE, source([1]))


@quick
@given(content=contents(SURVEY))
def test_any_file_is_read_or_refused(content):
    read_both("dotdotgoose", content)
