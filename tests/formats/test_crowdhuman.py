"""CrowdHuman: centres of head boxes, boxes that are left out, results, and the other kind of file."""

import json

import pytest
from formats.foreign_json import altered, read_both, refused, said
from formats.test_fuzzing import mutated, quick
from hypothesis import given

from crowdeval.formats import Source, detect
from crowdeval.formats.crowdhuman import CROWDHUMAN


def person(*head, tag="person", **more):
    x, y, width, height = head
    return {"fbox": [x, y, width, 5 * height], "tag": tag, "hbox": list(head), "extra": {"box_id": 0, "occ": 0},
            "vbox": [x, y, width, 4 * height], "head_attr": {"ignore": 0, "occ": 0, "unsure": 0}} | more  # fmt: skip


def detection(*box, score=0.9):
    return {"box": list(box), "score": score, "tag": 1}


def lines(*entries):
    return ("\n".join(json.dumps(entry) for entry in entries) + "\n").encode()


def source(content):
    return Source("val.odgt", content, ".odgt")


TRUTH = lines(
    {"ID": "273271,c9db", "gtboxes": [person(10, 20, 4, 6), person(30.5, 40, 3, 8)]},
    {"ID": "273271,d0aa", "gtboxes": []},
)
RESULTS = lines(
    {"ID": "273271,c9db", "dtboxes": [detection(10, 20, 4, 6), detection(0, 0, 2, 2, score=0.25)]},
    {"ID": "273271,d0aa", "dtboxes": []},
)


def test_true_points_are_the_centres_of_head_boxes():
    read, texts = said(CROWDHUMAN, source(TRUTH))
    assert read.image_ids == ("273271,c9db", "273271,d0aa")
    assert read.offsets.tolist() == [0, 2, 2]
    assert read.xy.tolist() == [[12.0, 23.0], [32.0, 44.0]]
    assert read.boxes.tolist() == [[10.0, 20.0, 14.0, 26.0], [30.5, 40.0, 33.5, 48.0]]
    assert read.labels is None
    assert texts == ["the points are the centres of 2 boxes"]


def test_results_are_the_centres_of_their_boxes():
    read, texts = said(CROWDHUMAN, source(RESULTS), "predictions")
    assert read.image_ids == ("273271,c9db", "273271,d0aa")
    assert read.xy.tolist() == [[12.0, 23.0], [1.0, 1.0]]
    assert read.score.tolist() == [0.9, 0.25]
    assert texts == [
        "the points are the centres of 2 boxes",
        "the boxes of the results are taken for boxes of heads",
    ]


def test_results_that_repeat_the_truth_are_results():
    both = {"ID": "a", "width": 640, "height": 480, "dtboxes": [detection(0, 0, 2, 2)], "gtboxes": [{"box": [1, 2]}]}
    read, _ = said(CROWDHUMAN, source(lines(both)), "predictions")
    assert read.xy.tolist() == [[1.0, 1.0]]
    assert read.sizes.tolist() == [[640.0, 480.0]]


def test_ignored_boxes_and_masks_are_counted_and_not_read():
    entry = {
        "ID": "a",
        "gtboxes": [
            person(10, 20, 4, 6),
            person(0, 0, 9, 9, head_attr={"ignore": 1}),
            person(0, 0, 9, 9, extra={"ignore": 1}),
            person(0, 0, 9, 9, tag="mask", extra={"ignore": 1}),
            person(0, 0, 9, 9, tag="rider"),
        ],
    }
    read, texts = said(CROWDHUMAN, source(lines(entry)))
    assert read.xy.tolist() == [[12.0, 23.0]]
    assert texts[1:] == ["2 ignored boxes are not read", "1 mask is not read", "1 rider box is not read"]


def test_a_head_without_marks_is_read():
    entry = {"ID": "a", "gtboxes": [{"hbox": [0, 0, 2, 2], "head_attr": {}}, {"hbox": [0, 0, 4, 4], "extra": None}]}
    assert said(CROWDHUMAN, source(lines(entry)))[0].counts.tolist() == [2]


def test_a_file_of_the_other_kind_has_one_problem():
    assert refused(CROWDHUMAN, source(TRUTH), "predictions") == (
        "val.odgt: line 1: expected results (dtboxes), found the annotations of CrowdHuman (gtboxes)"
    )
    assert refused(CROWDHUMAN, source(RESULTS)) == (
        "val.odgt: line 1: expected the annotations of CrowdHuman (gtboxes), found results (dtboxes)"
    )


@pytest.mark.parametrize("indent", [None, 1])
def test_a_json_list_and_one_object_over_several_lines_are_read(indent):
    entries = [json.loads(line) for line in TRUTH.splitlines()]
    read, _ = said(CROWDHUMAN, source(json.dumps(entries, indent=indent).encode()))
    assert read.image_ids == ("273271,c9db", "273271,d0aa")
    read, _ = said(CROWDHUMAN, source(json.dumps(entries[0], indent=indent).encode()))
    assert read.image_ids == ("273271,c9db",)


def test_every_problem_has_its_line():
    content = lines(
        {"ID": ["a"], "gtboxes": []},
        {"ID": "b"},
        {"ID": "c", "gtboxes": [person(1, 2, 3, 4, hbox=[1, 2, 3]), person(1, 2, -3, 4), {"tag": 1}, 7]},
        {"ID": "d", "gtboxes": [person(1, 2, 3, 4, head_attr={"ignore": "yes"}), {"tag": "person"}]},
        {"ID": "d", "gtboxes": [], "width": 0, "height": 9},
        [],
    )
    message = refused(CROWDHUMAN, source(content + b'\n{"ID": "e", "gtboxes": [}\n'))
    for line in [
        "line 1 ID: expected the name of an image, found ['a']",
        "line 2 gtboxes: expected a list, found nothing",
        "line 3 gtboxes[0].hbox, image 'c': expected a box [x, y, width, height], found [1, 2, 3]",
        "line 3 gtboxes[1].hbox, image 'c': expected a box with x1 <= x2 and y1 <= y2, found [1.0, 2.0, -2.0, 6.0]",
        "line 3 gtboxes[2].tag: expected 'person' or 'mask', found 1",
        "line 3 gtboxes[3]: expected an object, found 7",
        "line 4 gtboxes[0].head_attr.ignore: expected 0 or 1, found 'yes'",
        "line 4 gtboxes[1].hbox, image 'd': expected a box [x, y, width, height], found nothing",
        "line 5, image 'd': expected every image once, found 'd' a second time",
        "line 6: expected an object with ID and boxes, found []",
        "line 8: expected JSON, found '}' (expecting value, column 25)",
    ]:
        assert line in message


def test_a_repeated_key_is_a_problem():
    message = refused(CROWDHUMAN, source(b'{"ID": "a", "gtboxes": [], "gtboxes": []}'))
    assert message == "val.odgt: line 1: expected every key once, found 'gtboxes' 2 times"


@pytest.mark.parametrize("name", ["val.odgt", "val.json", "val.txt"])
def test_the_format_is_found(name, tmp_path):
    (tmp_path / name).write_bytes(TRUTH)
    assert detect(tmp_path / name) == "crowdhuman"


ENTRY = {
    "ID": "a",
    "width": 640,
    "height": 480,
    "gtboxes": [person(10, 20, 4, 6), person(0, 0, 9, 9, tag="mask")],
    "dtboxes": [detection(10, 20, 4, 6)],
}


@quick
@given(
    content=mutated(lines(ENTRY, ENTRY | {"ID": "b"})) | altered([ENTRY, ENTRY | {"ID": "b"}]).map(lambda v: lines(*v))
)
def test_any_file_is_read_or_refused(content):
    read_both("crowdhuman", content)


@quick
@given(content=altered([ENTRY]).map(lambda value: json.dumps(value, indent=1).encode()))
def test_any_list_is_read_or_refused(content):
    read_both("crowdhuman", content)
