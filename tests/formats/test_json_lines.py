"""JSON lines: one image in every line, an optional header, and problems with their lines."""

import pytest

from crowdeval.errors import FormatError
from crowdeval.formats import FORMATS, Source

LINES = FORMATS["jsonl"]


def predicted(text):
    return LINES.read_predictions(Source("p.jsonl", text.encode(), ".jsonl"))


def test_a_line_is_an_image():
    read = predicted('{"id": "a", "points": [[1, 2]], "scores": [0.5]}\n\n{"id": "b", "points": []}\n')
    assert read.image_ids == ("a", "b")
    assert read.score.tolist() == [0.5]


def test_the_header_is_optional_and_line_ends_may_be_windows():
    read = predicted('\r\n{"format": "crowdeval/predictions@1"}\r\n{"id": "a", "points": [[1, 2]]}\r\n')
    assert read.image_ids == ("a",)


def test_the_header_alone_is_no_images():
    assert predicted('{"format": "crowdeval/predictions@1"}').image_ids == ()


def test_an_id_with_an_escaped_quote_reads():
    assert predicted(r'{"id": "a\"", "points": []}').image_ids == ('a"',)


@pytest.mark.parametrize(
    ("text", "dialect"),
    [
        ('{"id": "a", "points": []}', "jsonl"),
        ('{"id": "a", "points": []}\n{"id": "b", "points": []}', "jsonl"),
        ('{"format": "crowdeval/predictions@1"}', "json"),
        ('{"format": "crowdeval/predictions@1", "images": []}', "json"),
        ('{"format": "crowdeval/predictions@1", "images": [\n{"id": "a", "points": []},\n{"id": "b"}\n]}', "json"),
        ('{"a": [[1, 2]]}\n', "json"),
        ('{"images": [{"id": 1}], "annotations": []}', "coco"),
        ('[{"image_id": 1, "bbox": [1, 2, 3, 4]}]', "coco"),
        ('[{"id": "image_id", "points": []}]', "json"),
        ("hello", None),
    ],
)
def test_json_lines_are_distinguished_from_other_json(text, dialect):
    names = [name for name in ("json", "jsonl", "coco") if FORMATS[name].recognises(Source("file", text.encode()))]
    assert names == ([dialect] if dialect else [])


def test_the_header_alone_is_json_lines_only_by_its_suffix():
    assert FORMATS["jsonl"].recognises(Source("a.jsonl", b'{"format": "crowdeval/predictions@1"}', ".jsonl"))


def test_lines_of_the_other_kind_are_reported_in_one_line(truth):
    with pytest.raises(FormatError) as caught:
        predicted(FORMATS["jsonl"].write_annotations(truth).decode())
    assert caught.value.total == 1
    assert "this file holds annotations" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"id": "a", "points": []}\n{"id": "a", "points": []}', r"line 2, id, image 'a': .*also at line 1"),
        ('{"id": "a", "points": []}\n\n{"id": "b", "poi', "line 3: expected JSON, found text that ends"),
        ('{"id": "a", "points": [[1, NaN]]}', r"line 1, points\[0\]\[1\], image 'a'"),
        ('{"format": "crowdeval/annotations@1"}\n', "line 1, format: .*holds annotations"),
        ('{"format": "crowdeval/predictions@9"}\n{"id": "a"}', "newer crowdeval"),
        ('{"IMG_1": [[1, 2]]}\n', "IMG_1"),
        ('{"id": "a", "points": [], "points": []}', "'points' as entries 2 and 3"),
        ("[1]\n", "line 1: expected an image object"),
        ('{"id": "a", "count": 1}\n{"id": "b", "points": []}', "only a count for 'a'"),
    ],
)
def test_problems_carry_the_line(text, words):
    with pytest.raises(FormatError, match=words):
        predicted(text)
