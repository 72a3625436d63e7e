"""Native JSON: its forms, the problems of a file with their places, and the two ways of reading."""

import json

import numpy as np
import pytest
from formats.drawn import PLAIN_ID, annotations, assert_same, assert_same_attributes, predictions
from hypothesis import given, settings

from crowdeval import formats
from crowdeval.errors import FormatError
from crowdeval.formats import FORMATS, Source, native_json

JSON = FORMATS["json"]


def predicted(text):
    return JSON.read_predictions(Source("p.json", text if isinstance(text, bytes) else text.encode()))


def annotated(text):
    return JSON.read_annotations(Source("a.json", text.encode()))


def complaint(read, text):
    with pytest.raises(FormatError) as caught:
        read(text)
    return str(caught.value)


IMAGES = '[{"id": "a", "points": [[1, 2], [3, 4.5]], "scores": [0.5, 1]}, {"id": "b", "points": []}]'


@pytest.mark.parametrize(
    "text",
    [
        '{"a": [[1, 2, 0.5], [3, 4.5, 1]], "b": []}',
        '{"points": {"a": [[1, 2, 0.5], [3, 4.5, 1]], "b": []}}',
        '{"format": "crowdeval/predictions@1", "points": {"a": [[1, 2, 0.5], [3, 4.5, 1]], "b": []}}',
        IMAGES,
        f'{{"images": {IMAGES}}}',
        f'{{"images": {IMAGES}, "format": "crowdeval/predictions@1"}}',
        f' \n{{ "format" : "crowdeval/predictions@1", "images": {IMAGES}}}\n',
    ],
)
def test_every_form_reads_as_the_same_predictions(text):
    read = predicted(text)
    assert read.image_ids == ("a", "b")
    assert read.offsets.tolist() == [0, 2, 2]
    assert read.xy.tolist() == [[1.0, 2.0], [3.0, 4.5]]
    assert read.score.tolist() == [0.5, 1.0]


def test_rows_of_two_have_no_scores():
    assert predicted('{"a": [[1, 2]]}').score is None
    assert annotated('{"a": [[1, 2]]}').xy.tolist() == [[1.0, 2.0]]


@pytest.mark.parametrize("text", ["{}", "[]", '{"images": []}', '{"points": {}}'])
def test_no_images_are_no_images(text):
    assert predicted(text).image_ids == ()
    assert annotated(text).image_ids == ()


@pytest.mark.parametrize("name", ["images", "points", "format"])
def test_an_image_may_be_called_like_a_key_of_a_document(name):
    assert predicted(f'{{"{name}": [[1, 2, 3]]}}').image_ids == (name,)


def test_an_escaped_quote_in_an_id_is_no_repeated_key():
    assert predicted(r'{"a\"b": [[1, 2]], "\u00e9": []}').image_ids == ('a"b', "é")


def test_counts_stand_beside_points_or_instead_of_them():
    beside = predicted('[{"id": "a", "points": [[1, 2]], "count": 3.5}, {"id": "b", "points": []}]')
    np.testing.assert_array_equal(beside.counts, [3.5, np.nan])
    instead = predicted('[{"id": "a", "count": 3.5}, {"id": "b", "count": 0}]')
    assert not instead.located
    assert instead.counts.tolist() == [3.5, 0.0]


def test_annotations_have_all_their_columns(truth):
    again = JSON.read_annotations(Source("a", JSON.write_annotations(truth)))
    assert_same(truth, again, "boxes", "radii", "level", "sizes")
    assert again.attributes["file_name"].tolist() == ["a.jpg", "b.jpg"]
    assert again.attributes["scene"].dtype.kind == "i"


def test_an_attribute_that_some_images_lack_is_none_or_nan():
    read = annotated(
        '[{"id": "a", "points": [], "attributes": {"s": "x", "n": 1}},'
        ' {"id": "b", "points": [], "attributes": {"t": true}}]'
    )
    assert read.attributes["s"].tolist() == ["x", None]
    np.testing.assert_array_equal(read.attributes["n"], [1.0, np.nan])
    assert read.attributes["t"].tolist() == [None, True]


def test_attributes_of_points_go_with_the_points():
    text = '[{"id": "a", "points": [[1, 2], [3, 4]], "point_attributes": {"occlusion": [1, 3]}}]'
    read = annotated(text)
    assert read.point_attributes["occlusion"].tolist() == [1, 3]
    assert b'"occlusion":[1,3]' in JSON.write_annotations(read)


def test_an_image_stands_on_a_line_of_its_own(truth):
    assert JSON.write_annotations(truth).count(b"\n") == 4


MALFORMED = [
    ("3", "expected an object or a list of predictions, found 3"),
    ('{"a": [[1, 2]', "line 1: expected JSON, found text that ends in the middle"),
    ('{"a": [[1, 2]]}\n{', "line 2: .*extra data.*jsonl"),
    ('{\n"a": [[1, 2],]\n}', r"line 2: .*comma before a closing bracket"),
    ("{'a': []}", "double quotes"),
    ('{"a": [[1, None]]}', "Python's spelling"),
    ('{"a": [[1, tr', "ends in the middle"),
    ('{"a": [[1, "x', "ends in the middle"),
    ('{"a": [[1, -', "ends in the middle"),
    ('{"a": [[1, NaN]]}', r"a\[0\]\[1\], image 'a': expected a finite number, found NaN"),
    ('{"a": [[1, -Infinity]]}', r"a\[0\]\[1\].*infinite"),
    ('{"points": {"IMG_4": [[1, 2], [3, 1e999]]}}', r"points\.IMG_4\[1\]\[1\], image 'IMG_4': .*far too large"),
    ('{"a": [[1, ' + "1" * 400 + "]]}", r"a\[0\]\[1\].*far too large"),
    ('{"a": [[1, ' + "1" * 6000 + "]]}", r"a\[0\]\[1\].*far too large"),
    ('{"a": [[1, 1e10]]}', r"coordinate within 1e\+09 pixels"),
    ('{"a": [["12,5", 1]]}', "found '12,5' .*decimals are written with a point"),
    ('{"a": [["12.5", 1]]}', "found '12.5' .*without quotes"),
    ('{"a": [[true, 1]]}', "expected a number, found true"),
    ('{"a": [[null, 1]]}', "expected a number, found null"),
    ('{"a": [1, 2]}', r"a\[0\], image 'a': expected \[x, y\] or \[x, y, score\], found 1"),
    ('{"a": [[1]]}', r"expected \[x, y\] or \[x, y, score\], found 1 number, \[1\]"),
    ('{"a": [[1, 2], [1, 2, 3]]}', r"a\[1\].*on every row or on none"),
    ('{"a": [[1, 2, 3], [1, 2]]}', r"a\[1\].*on every row or on none"),
    ('{"a": [[1, 2, 3, 4, 5]]}', r"expected \[x, y\] or \[x, y, score\], found 5 numbers"),
    ('[{"id": "a", "points": [[1, 2, 3, 4, 5]]}]', r"expected \[x, y\], found 5 numbers"),
    ('{"a": [], "b": 5}', "b, image 'b': expected a list of points, found 5"),
    ('{"a": -5}', "a.count, image 'a': expected a count from 0"),
    ('{"a": [], "b": {"points": []}}', "expected a list of points, found an object with the keys 'points'"),
    ('{"a": {"points": []}, "b": []}', "b: expected an image object"),
    ('{"a": {"points": [[1, 2]], "scores": [0.5]}, "b": {"points": [[1, 2]]}}', "scores for every image with points"),
    ('{"a": {"points": [], "score": [1]}}', "a.score, image 'a': .*did you mean 'scores'"),
    ('[{"image": "a", "points": []}, {"image": "a", "points": []}]', "every image once"),
    ('[{"file_name": 7, "points": []}]', "an image id, found 7"),
    ('[{"id": "a", "points": [[1, 2]], "labels": [1]}]', "a class as text, found 1"),
    ('[{"id": "a", "points": [[1, 2]], "labels": []}]', "1 entry, one for each point"),
    ('[{"id": "a", "points": [], "width": 5}]', "both width and height"),
    ('{"": []}', "an empty string"),
    ('{"\\ud800": []}', "surrogate"),
    ('{"a": [], "b": [], "a": [[1, 2]]}', "'a' as entries 1 and 3 of the object"),
    ('{"a": [[1, 2]], "a": [[1, 2]]}', "'a' as entries 1 and 2"),
    ('{"points": {"a": [], "a": []}}', r"points\.a.*entries 1 and 2"),
    ('{"points": {"a": []}, "points": {"b": []}}', "'points' as entries 1 and 2"),
    ('[{"id": "a", "points": [[1, 2]], "points": []}]', r"\[0\]\.points, image 'a': .*'points' as entries 2 and 3"),
    ('[{"id": "a", "points": []}, {"id": "a", "points": []}]', r"\[1\]\.id.*also at \[0\]"),
    ('{"images": [{"id": 3, "points": []}]}', r"images\[0\]\.id: .*found 3 \(write it as a string\)"),
    ('[{"points": []}]', 'a key "id"'),
    ('[{"id": "a"}]', 'a key "points" or "count"'),
    ("[3]", r"\[0\]: expected an image object"),
    ('[{"id": "a", "points": [], "score": []}]', "did you mean 'scores'"),
    ('[{"id": "a", "points": [], "boxes": []}]', "the key 'boxes' .*belongs to annotations"),
    (
        '[{"id": "a", "points": [[1, 2]], "scores": []}]',
        r"\[0\]\.scores.*expected 1 entry, one for each point, found 0",
    ),
    ('[{"id": "a", "count": 3, "scores": [0.5]}]', "0 entries, one for each point, found 1"),
    ('[{"id": "a", "points": [[1, 2, 3]]}]', 'image objects have the key "scores"'),
    (
        '[{"id": "a", "points": [[1, 2]], "scores": [1]}, {"id": "b", "points": [[1, 2]]}]',
        "scores for every image with points, or for none, found none for 'b'",
    ),
    ('[{"id": "a", "points": [[1, 2]]}, {"id": "b", "count": 2}]', "only a count for 'b'"),
    ('[{"id": "a", "count": -1}]', r"\[0\]\.count.*from 0 to 1e\+09, found -1"),
    ('[{"id": "a", "count": 1e12}]', "found 1000000000000.0"),
    ('[{"id": "a", "count": NaN}]', "found NaN"),
    ('[{"id": "a", "count": "3"}]', "without quotes"),
    ('{"format": "crowdeval/predictions@2", "images": []}', "newer crowdeval"),
    ('{"format": "crowdeval/annotations@1", "images": []}', "holds annotations, but predictions are needed"),
    ('{"format": "crowdeval/predictions@1"}', "neither"),
    ('{"images": [], "points": {}}', "both"),
    ('{"images": [], "meta": 1}', "found 'meta'"),
    ('{"images": [], "annotations": []}', "COCO"),
    ('{"images": {}, "format": "crowdeval/predictions@1"}', "list of image objects"),
    ("[" * 100_000, "nested too deep"),
    ('{"a": ' + "[" * 100_000 + "]" * 100_000 + "}", "nested too deep"),
    (b'{"a": [[1, 2]],\n"\xff": []}', "line 2: expected UTF-8 text, found the byte 0xff"),
    (b'{"a": [[1, \x00]]}', "NUL byte in line 1"),
    (b"%PDF-1.4", "a PDF document"),
]


@pytest.mark.parametrize(("text", "words"), MALFORMED)
def test_malformed_predictions_are_reported(text, words):
    with pytest.raises(FormatError, match=words):
        predicted(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"a": [[1, 2, 3]]}', "are these predictions"),
        ('[{"id": "a", "points": [], "scores": []}]', "the key 'scores' .*belongs to predictions"),
        ('[{"id": "a", "count": 3.5}]', "a whole number of people, found 3.5"),
        ('[{"id": "a", "count": 3, "points": []}]', "the number of points as the count, found 3"),
        ('[{"id": "a", "count": 3}, {"id": "b", "points": []}]', "points for every image, or only a count"),
        ('[{"id": "a", "points": [], "width": 3}]', "both width and height, or neither, found only the width"),
        ('[{"id": "a", "points": [], "width": 0, "height": 2}]', r"\[0\]\.width.*positive number, found 0"),
        ('[{"id": "a", "points": [[1, 2]], "boxes": [[1, 2, 3]]}]', r"\[x1, y1, x2, y2\], found 3 numbers"),
        ('[{"id": "a", "points": [[1, 2]], "boxes": []}]', "1 entry, one for each point"),
        ('[{"id": "a", "points": [[1, 2]], "radii": [[1, NaN]]}]', r"radii\[0\]\[1\].*NaN"),
        ('[{"id": "a", "points": [[1, 2]], "levels": [1.5]}]', "a whole number from 0 to 5, found 1.5"),
        ('[{"id": "a", "points": [[1, 2]], "levels": [1e30]}]', "a whole number"),
        ('[{"id": "a", "points": [[1, 2]], "levels": [6]}]', r"levels\[0\].*from 0 to 5, found 6"),
        ('[{"id": "a", "points": [], "attributes": []}]', "expected an object"),
        ('[{"id": "a", "points": [], "attributes": {"k": [1]}}]', r"attributes\.k.*a string, a number"),
        ('[{"id": "a", "points": [], "attributes": {"k": 1, "k": 2}}]', "'k' as entries 1 and 2"),
        ('[{"id": "a", "points": [], "attributes": {"k": NaN}}]', "found NaN"),
        ('[{"id": "a", "points": [[1, 2]], "point_attributes": {"k": []}}]', "1 entry, one for each point"),
        (
            '[{"id": "a", "points": [[1, 2]], "levels": [1]}, {"id": "b", "points": [[1, 2]]}]',
            "levels for every image with points",
        ),
    ],
)
def test_malformed_annotations_are_reported(text, words):
    with pytest.raises(FormatError, match=words):
        annotated(text)


def test_all_problems_come_at_once_and_different_ones_are_capped():
    rows = ", ".join(f'["x{i}", 1]' for i in range(50))
    message = complaint(predicted, f'[{{"id": "a", "points": [{rows}]}}, {{"id": 7, "points": [[NaN, 1]]}}]')
    assert message.startswith("p.json: 52 problems")
    assert message.count("\n") == 21
    assert "and 32 more" in message


def test_equal_problems_come_at_once_with_the_others():
    rows = ", ".join('["x", 1]' for _ in range(50))
    message = complaint(predicted, f'[{{"id": "a", "points": [{rows}]}}, {{"id": 7, "points": [[NaN, 1]]}}]')
    assert message.splitlines() == [
        "p.json: 52 problems",
        "  [0].points[0..49][0], image 'a': expected a number, found 'x' (50 times)",
        "  [1].id: expected an image id, found 7 (write it as a string)",
        "  [1].points[0][0]: expected a finite number, found NaN",
    ]


UNKNOWN = ["zeta", "beta", "omega", "alpha", "kappa", "gamma", "delta", "eta"]


def test_unknown_keys_come_in_the_order_of_the_file():
    def unknown_keys(text):
        with pytest.raises(FormatError) as caught:
            predicted(text)
        return [problem.key.rpartition(".")[2] for problem in caught.value.problems]

    keys = ", ".join(f'"{name}": 1' for name in UNKNOWN)
    assert unknown_keys(f'[{{"id": "a", "points": [], {keys}}}]') == UNKNOWN
    assert unknown_keys(f'{{"images": [], {keys}}}') == UNKNOWN


def test_a_file_of_the_other_kind_is_reported_in_one_line(truth):
    message = complaint(predicted, JSON.write_annotations(truth))
    assert message == (
        "p.json: format: expected 'crowdeval/predictions@1', found 'crowdeval/annotations@1' "
        "(this file holds annotations, but predictions are needed here; swap the two files: predictions come first)"
    )


@pytest.mark.parametrize("kind", ["predictions", "annotations"])
def test_a_format_mark_alone_is_no_empty_set(kind, tmp_path):
    path = tmp_path / "a.json"
    path.write_text(f'{{"format": "crowdeval/{kind}@1"}}')
    with pytest.raises(FormatError, match=r"found neither .*'jsonl'"):
        getattr(formats, f"read_{kind}")(path)
    path.write_text(f'{{"format": "crowdeval/{kind}@1", "images": []}}')
    assert getattr(formats, f"read_{kind}")(path).image_ids == ()


def test_the_key_path_of_an_odd_id_is_quoted():
    assert 'points["a b.jpg"][0][1]' in complaint(predicted, '{"points": {"a b.jpg": [[1, "x"]]}}')


@settings(max_examples=80)
@given(value=predictions())
def test_the_careful_way_reads_predictions_as_the_fast_one_does(value):
    source = Source("file", JSON.write_predictions(value))
    side = native_json._PREDICTIONS
    assert_same(
        JSON.read_predictions(source), side.columns(native_json._decode_carefully(source, side)), "score", "counts"
    )


@settings(max_examples=80)
@given(value=annotations())
def test_the_careful_way_reads_annotations_as_the_fast_one_does(value):
    source = Source("file", JSON.write_annotations(value))
    side = native_json._ANNOTATIONS
    careful = side.columns(native_json._decode_carefully(source, side))
    assert_same(JSON.read_annotations(source), careful, "boxes", "radii", "level", "sizes")
    assert_same_attributes(JSON.read_annotations(source), careful)


@settings(max_examples=40)
@given(value=predictions(PLAIN_ID), truth=annotations(PLAIN_ID))
def test_a_file_without_problems_never_needs_the_careful_way(value, truth):
    short = {name: [[1, 2, 3]] for name in value.image_ids}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(native_json, "_decode_carefully", None)
        for data in (JSON.write_predictions(value), json.dumps(short), json.dumps({"points": short})):
            if b"\\" not in (content := data if isinstance(data, bytes) else data.encode()):
                JSON.read_predictions(Source("file", content))
        if b'\\"' not in (content := JSON.write_annotations(truth)):
            JSON.read_annotations(Source("file", content))


@pytest.mark.parametrize(
    "text",
    [
        '{"a.jpg": {"points": [[1, 2], [3, 4]], "scores": [0.5, 0.6]}, "b.jpg": {"points": [], "scores": []}}',
        '[{"image": "a.jpg", "points": [[1, 2], [3, 4]], "scores": [0.5, 0.6]}, {"image": "b.jpg", "points": []}]',
        '[{"file": "a.jpg", "points": [[1, 2], [3, 4]], "scores": [0.5, 0.6]}, {"file": "b.jpg", "points": []}]',
        '[{"points": [[1, 2], [3, 4]], "scores": [0.5, 0.6], "img": "a\\u002ejpg"}, {"img": "b.jpg", "points": []}]',
    ],
)
def test_other_spellings_are_the_same_predictions(text):
    predictions = predicted(text)
    assert predictions.image_ids == ("a.jpg", "b.jpg")
    assert (predictions.xy.tolist(), predictions.score.tolist()) == ([[1, 2], [3, 4]], [0.5, 0.6])


def test_counts_by_image_id_are_predictions_and_true_counts():
    assert predicted('{"a": 8.4, "b": 0}').counts.tolist() == [8.4, 0]
    truth = JSON.read_annotations(Source("gt.json", b'{"a": 8, "b": 0}'))
    assert (truth.counts.tolist(), truth.located) == ([8, 0], False)


def test_the_files_of_fsc_147_have_sizes_and_other_keys():
    text = b'{"2.jpg": {"H": 30, "W": 40, "box_examples_coordinates": [[[1, 2]]], "points": [[5, 6]], "r": 1}}'
    truth = JSON.read_annotations(Source("gt.json", text))
    assert (truth.xy.tolist(), truth.sizes.tolist()) == ([[5, 6]], [[40, 30]])


def test_classes_and_the_own_size_of_predictions_are_kept():
    text = '[{"id": "a", "width": 512, "height": 512, "points": [[1, 2]], "labels": ["cow"]}]'
    predictions = predicted(text)
    assert (predictions.labels.tolist(), predictions.sizes.tolist()) == (["cow"], [[512, 512]])
    again = predicted(JSON.write_predictions(predictions).decode())
    assert (again.labels.tolist(), again.sizes.tolist()) == (["cow"], [[512, 512]])
    truth = JSON.read_annotations(Source("gt.json", b'[{"id": "a", "points": [[1, 2]], "labels": ["cow"]}]'))
    assert JSON.read_annotations(Source("gt.json", JSON.write_annotations(truth))).labels.tolist() == ["cow"]
