"""Parquet: tables of crowdeval and of pandas, and the problems of other tables."""

import datetime
import decimal
import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from formats.drawn import only_our_errors
from hypothesis import given, settings
from hypothesis import strategies as st

from crowdeval.errors import CrowdevalWarning, FormatError, InputError, UsageError
from crowdeval.formats import FORMATS, Source
from crowdeval.points.sets import Annotations, Predictions

PARQUET = FORMATS["parquet"]


def source(columns, metadata=None):
    table = columns if isinstance(columns, pa.Table) else pa.table(columns)
    if metadata is not None:
        table = table.replace_schema_metadata({b"crowdeval": metadata})
    stream = io.BytesIO()
    pq.write_table(table, stream)
    return Source("p.parquet", stream.getvalue(), ".parquet")


def test_anyone_can_read_the_table(truth):
    pandas = pytest.importorskip("pandas")
    frame = pandas.read_parquet(io.BytesIO(PARQUET.write_annotations(truth)))
    columns = ["image_id", "x", "y", "x1", "y1", "x2", "y2", "sigma_s", "sigma_l", "level"]
    assert list(frame.columns) == columns
    assert frame.image_id.tolist() == ["a", "a"]


def test_a_table_of_pandas_reads():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"image": ["a", "b", "a"], "x": [1, 2, 3], "y": [1.5, 2.5, 3.5], "score": [0.1, 0.2, 0.3]})
    stream = io.BytesIO()
    frame[frame.x != 2].to_parquet(stream)
    read = PARQUET.read_predictions(Source("file", stream.getvalue()))
    assert read.image_ids == ("a",)
    assert read.xy.tolist() == [[1.0, 1.5], [3.0, 3.5]]
    assert read.score.tolist() == [0.1, 0.3]


def test_rows_without_a_point_declare_images():
    read = PARQUET.read_predictions(source({"image_id": ["a", "b"], "x": [1.0, None], "y": [2.0, None]}))
    assert read.image_ids == ("a", "b")
    assert read.offsets.tolist() == [0, 1, 1]


@pytest.mark.parametrize("kind", [pa.int64(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())])
def test_ids_may_be_whole_numbers_or_any_strings(kind):
    ids = pa.array([7, 7]) if pa.types.is_integer(kind) else pa.array(["7", "7"]).cast(kind)
    read = PARQUET.read_predictions(source({"image": ids, "x": [1, 2], "y": [1, 2]}))
    assert read.image_ids == ("7",)


def test_attributes_of_points_are_columns():
    value = Annotations(
        image_ids=["a"],
        offsets=[0, 2],
        xy=[[1, 2], [3, 4]],
        point_attributes={"occlusion": [1, 3], "x": ["p", "q"]},
    )
    data = PARQUET.write_annotations(value)
    assert "point_attribute:occlusion" in pq.read_table(io.BytesIO(data)).column_names
    again = PARQUET.read_annotations(Source("file", data))
    assert again.point_attributes["occlusion"].tolist() == [1, 3]
    assert again.point_attributes["x"].tolist() == ["p", "q"]


def test_an_attribute_of_mixed_types_is_refused():
    value = Annotations(image_ids=["a"], offsets=[0, 2], xy=[[1, 2], [3, 4]], point_attributes={"k": [object(), "q"]})
    with pytest.raises(InputError, match="strings, numbers and flags"):
        PARQUET.write_annotations(value)


def test_columns_that_are_not_read_are_named():
    with pytest.warns(CrowdevalWarning, match="these columns are not read as predictions: 'weather'"):
        PARQUET.read_predictions(source({"image": ["a"], "x": [1], "y": [1], "weather": ["rain"]}))


def test_spellings_are_those_of_csv():
    columns = {
        "file_name": ["a"],
        "left": [0],
        "top": [0],
        "right": [2],
        "bottom": [4],
        "conf": [0.5],
        "Class": ["kob"],
    }
    with pytest.warns(CrowdevalWarning, match="centres of 1 box"):
        read = PARQUET.read_predictions(source(columns))
    assert (read.xy.tolist(), read.score.tolist(), read.labels.tolist()) == ([[1, 2]], [0.5], ["kob"])


def test_a_column_that_looks_like_a_confidence_is_not_dropped():
    columns = {"image": ["a"], "x": [1], "y": [1], "dscores": [0.5], "probable cause": ["rain"]}
    with pytest.raises(FormatError, match="column 'score', found the column 'dscores', which looks like confidences"):
        PARQUET.read_predictions(source(columns))
    columns["dscores"] = pa.nulls(1)
    with pytest.warns(CrowdevalWarning, match="not read as predictions: 'dscores', 'probable cause'"):
        PARQUET.read_predictions(source(columns))


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        (["kob", None, "kob"], ["kob", "", "kob"]),
        (pa.array(["kob", None, "kob"], pa.large_string()), ["kob", "", "kob"]),
        (pa.array(["kob", None, "kob"]).dictionary_encode(), ["kob", "", "kob"]),
        (pa.array([3, None, 4]).dictionary_encode(), ["3", "", "4"]),
        ([1.0, None, 2.0], ["1", "", "2"]),
        ([1.0, float("nan"), 2.5], ["1", "", "2.5"]),
        ([2**60, None, 1], [str(2**60), "", "1"]),
        (["1.0", "", " 2 "], ["1", "", "2"]),
        ([True, None, False], ["True", "", "False"]),
        (pa.nulls(3), ["", "", ""]),
    ],
)
def test_labels_of_other_programs_become_text(values, labels):
    table = source({"image": ["a", "b", "a"], "x": [1.0, 2.0, 3.0], "y": [1.0, 2.0, 3.0], "label": values})
    for read in (PARQUET.read_predictions, PARQUET.read_annotations):
        assert read(table).labels.tolist() == [labels[0], labels[2], labels[1]]


def test_categories_of_pandas_read():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"image": [7, 7, 8], "x": [1, 2, 3], "y": [1, 2, 3], "label": ["kob", None, "oryx"]})
    stream = io.BytesIO()
    frame.astype("category").to_parquet(stream)
    read = PARQUET.read_annotations(Source("file", stream.getvalue()))
    assert read.image_ids == ("7", "8")
    assert (read.xy.tolist(), read.labels.tolist()) == ([[1, 1], [2, 2], [3, 3]], ["kob", "", "oryx"])


@pytest.mark.parametrize(
    ("name", "values", "words"),
    [
        ("label", [["kob"]], "expected texts in the column 'label', found list"),
        ("Species", [{"a": 1}], "expected texts in the column 'Species', found struct"),
        ("label", [b"kob"], "expected texts in the column 'label', found binary"),
        ("label", [datetime.date(2026, 1, 1)], "expected texts in the column 'label', found date32"),
        ("score", [2**53 + 1], "numbers in the column 'score', found int64 with values that no float64 holds exactly"),
        ("Conf", pa.array([2**64 - 1], pa.uint64()), "numbers in the column 'Conf', found uint64 with values"),
        ("score", [["0.5"]], "numbers in the column 'score', found list"),
        ("score", pa.array(["0.5"]).dictionary_encode(), "numbers in the column 'score', found dictionary"),
        ("image", [["a"]], "expected image ids, found a column of list"),
        ("image", pa.array([1.5]).dictionary_encode(), "expected image ids, found a column of double"),
    ],
)
def test_columns_that_are_no_numbers_and_no_texts_are_named(name, values, words):
    columns = {"image": ["a"], "x": [1.0], "y": [1.0], name: values}
    with pytest.raises(FormatError, match=words) as caught:
        PARQUET.read_predictions(source(columns))
    assert caught.value.total == 1


def test_boxes_as_lists_are_refused_by_name():
    columns = {"image": ["a"], "bbox": [[1.0, 2.0, 3.0, 4.0]]}
    with (
        pytest.warns(CrowdevalWarning, match="centres of 0 boxes"),
        pytest.raises(FormatError, match="expected texts in the column 'bbox', found list"),
    ):
        PARQUET.read_predictions(source(columns))


def test_decimals_and_categories_of_numbers_are_numbers():
    x = pa.array([decimal.Decimal("1.50")])
    y = pa.array([2.5]).dictionary_encode()
    assert PARQUET.read_predictions(source({"image": ["a"], "x": x, "y": y})).xy.tolist() == [[1.5, 2.5]]


def test_nan_in_x_and_y_declares_an_image():
    nan = float("nan")
    columns = {
        "image": ["a", "b", "c", "d"],
        "x": [1, nan, None, nan],
        "y": [2, nan, None, None],
        "score": [1, nan, None, None],
    }
    with pytest.warns(CrowdevalWarning, match=r"2 rows without coordinates \(NA, NaN\) are read as images without"):
        read = PARQUET.read_predictions(source(columns))
    assert (read.image_ids, read.offsets.tolist()) == (("a", "b", "c", "d"), [0, 1, 1, 1, 1])


def test_counts_read_as_both_kinds():
    table = source({"image": ["a", "b"], "gt": [3, 0], "pred": [3.5, 0.25]})
    truth, estimate = PARQUET.read_annotations(table), PARQUET.read_predictions(table)
    assert (truth.counts.tolist(), truth.located) == ([3, 0], False)
    assert (estimate.counts.tolist(), estimate.located) == ([3.5, 0.25], False)


def test_text_boxes_and_sides_of_boxes_read():
    with pytest.warns(CrowdevalWarning, match="centres of 1 box"):
        read = PARQUET.read_annotations(source({"image": ["a", "b"], "bbox": ["[10, 20, 2, 4]", None]}))
    assert (read.xy.tolist(), read.image_ids) == ([[11, 22]], ("a", "b"))
    with pytest.warns(CrowdevalWarning, match="sides of boxes with the corner x, y"):
        read = PARQUET.read_annotations(source({"image": ["a"], "x": [10], "y": [20], "width": [2], "height": [4]}))
    assert read.boxes.tolist() == [[10, 20, 12, 24]]


def test_labels_frames_and_classes_come_back_whole():
    value = Predictions(
        image_ids=["a", "b"],
        offsets=[0, 2, 2],
        xy=[[0.5, 0.25], [7, 8]],
        labels=["1.0", " kob"],
        sizes=[[1, 1], [np.nan, np.nan]],
    )
    again = PARQUET.read_predictions(Source("file", PARQUET.write_predictions(value)))
    assert again.labels.tolist() == ["1.0", " kob"]
    np.testing.assert_array_equal(again.sizes, value.sizes)
    truth = Annotations(image_ids=["a"], offsets=[0, 1], xy=[[1, 2]], labels=["kob"], classes={"3": "kob"})
    again = PARQUET.read_annotations(Source("file", PARQUET.write_annotations(truth)))
    assert (again.labels.tolist(), dict(again.classes)) == (["kob"], {"3": "kob"})


def test_true_counts_without_points_come_back_whole():
    value = Annotations(
        image_ids=["a", "b"], offsets=[0, 0, 0], xy=[], counts=[3, 0], located=False, sizes=[[4, 5]] * 2
    )
    again = PARQUET.read_annotations(Source("file", PARQUET.write_annotations(value)))
    assert (again.counts.tolist(), again.located, again.sizes.tolist()) == ([3, 0], False, [[4, 5]] * 2)


def test_half_a_character_in_a_label_is_refused(one_point):
    with pytest.raises(UsageError, match="'parquet' can't hold labels with half characters"):
        PARQUET.write_predictions(one_point(labels=["\ud800"]))


IMAGES = b'{"format": "crowdeval/predictions@1", "images": [%s]}'


@pytest.mark.parametrize(
    ("columns", "metadata", "words"),
    [
        ({"image": ["a"], "x": ["1"], "y": [1.0]}, None, "numbers in the column 'x', found string"),
        ({"image": ["a"], "x": [True], "y": [1.0]}, None, "numbers in the column 'x', found bool"),
        ({"image": ["a"], "x": [[1]], "y": [1.0]}, None, "numbers in the column 'x', found list"),
        ({"image": ["a"], "y": [1.0]}, None, "the columns 'image', 'x', 'y'"),
        ({"x": [1.0], "y": [1.0]}, None, "the columns 'image', 'x', 'y'"),
        ({"image": [1.5], "x": [1.0], "y": [1.0]}, None, "image ids, found a column of double"),
        ({"image": [None, "a"], "x": [1.0, 2], "y": [1.0, 2]}, None, r"image_id\[0\]: .*null"),
        ({"image": ["", "a"], "x": [1.0, 2], "y": [1.0, 2]}, None, "an empty one"),
        (
            {"image": ["a"], "x": [float("nan")], "y": [1.0]},
            None,
            r"x\[0\], image 'a': .*finite number, found nan \(write null",
        ),
        ({"image": ["a"], "x": [float("inf")], "y": [1.0]}, None, r"x\[0\], image 'a': .*finite number, found inf"),
        ({"image": ["a"], "x": [1e10], "y": [1.0]}, None, r"x\[0\], image 'a': .*coordinate within"),
        ({"image": ["a"], "x": [None], "y": [1.0]}, None, r"x\[0\], image 'a': expected a number"),
        ({"image": ["a"], "x": [1.0], "y": [1.0]}, b"{", "metadata 'crowdeval'"),
        ({"image": ["a"], "x": [1.0], "y": [1.0]}, IMAGES % b'{"id": 3}', "metadata 'crowdeval'.*Expected"),
        ({"image": ["a"], "x": [1.0], "y": [1.0]}, IMAGES % b"", "images of the metadata, found rows of 'a'"),
        ({"image": ["a"], "x": [1.0], "y": [1.0]}, IMAGES % b'{"id": "a"}, {"id": "a"}', "entries 0 and 1"),
        ({"image": ["a"], "x": [1.0], "y": [1.0]}, IMAGES % b'{"id": "a", "count": -1}', "at least 0"),
        ({"image": ["a"], "x": [1.0], "y": [1.0]}, IMAGES % b'{"id": "a", "width": 3}', "a width without a height"),
        ({"image": ["a"], "count": [1.0]}, IMAGES % b'{"id": "a"}', "the columns 'x' and 'y', found 'image', 'count'"),
        (
            {"image": ["a"], "x": [1.0], "y": [1.0]},
            b'{"format": "crowdeval/annotations@1", "images": [{"id": "a"}]}',
            "predictions are needed here",
        ),
    ],
)
def test_a_problem_is_reported_with_its_place(columns, metadata, words):
    with pytest.raises(FormatError, match=words):
        PARQUET.read_predictions(source(columns, metadata))


def test_the_problems_of_all_columns_come_at_once_with_their_images():
    columns = {"image": ["a", "b", "b"], "x": [1.0, float("nan"), None], "y": ["1", "2", "3"], "score": [1.0, None, 2]}
    with pytest.raises(FormatError) as caught:
        PARQUET.read_predictions(source(columns))
    assert [str(problem) for problem in caught.value.problems] == [
        "expected numbers in the column 'y', found string",
        "x[1], image 'b': expected a finite number, found nan (write null for an empty cell)",
        "x[2], image 'b': expected a number, found an empty cell",
        "score[1], image 'b': expected a score for every point, found an empty cell",
    ]


def test_a_table_without_columns_is_reported():
    with pytest.raises(FormatError, match="found no columns"):
        PARQUET.read_predictions(source({}))


def test_a_table_of_the_other_kind_is_reported_in_one_line(truth):
    with pytest.raises(FormatError) as caught:
        PARQUET.read_predictions(Source("file", PARQUET.write_annotations(truth)))
    assert caught.value.total == 1
    assert "predictions are needed here" in str(caught.value)


def test_two_columns_of_one_name_are_reported():
    table = pa.table([["a"], [1.0], [2.0], [3.0]], names=["image", "x", "y", "x"])
    with pytest.raises(FormatError, match="one column 'x'"):
        PARQUET.read_predictions(source(table))


@pytest.mark.parametrize("cut", [5, 50, 300])
def test_a_truncated_table_is_reported_as_damaged(cut, truth):
    with pytest.raises(FormatError, match="truncated or damaged"):
        PARQUET.read_annotations(Source("file", PARQUET.write_annotations(truth)[:-cut]))


def test_the_reason_of_damage_stands_without_brackets(truth):
    with pytest.raises(FormatError, match=r"damaged one: [^\['\"]+"):
        PARQUET.read_annotations(Source("file", PARQUET.write_annotations(truth)[:-5]))


CELLS = (
    st.none()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats()
    | st.text(max_size=3)
    | st.booleans()
    | st.binary(max_size=2)
)
COLUMNS = st.lists(CELLS | st.lists(st.integers(0, 9), max_size=4), min_size=3, max_size=3)
NAMES = [
    "image",
    "image_id",
    "x",
    "y",
    "score",
    "label",
    "width",
    "height",
    "x1",
    "y1",
    "x2",
    "y2",
    "count",
    "bbox",
    "conf2",
]


def arrow(values):
    """A column of these values, or None where pyarrow has no type for them."""
    try:
        return pa.array(values)
    except (pa.ArrowException, OverflowError):
        return None


@settings(max_examples=300)
@given(drawn=st.dictionaries(st.sampled_from(NAMES), COLUMNS, max_size=6), plain=st.booleans(), own=st.booleans(),
       categories=st.sets(st.sampled_from(NAMES)))  # fmt: skip
def test_random_columns(drawn, plain, own, categories):
    if plain:
        drawn |= {"image": ["a", "b", "a"], "x": [1.0, None, 3.0], "y": [1, None, 2]}
    columns = {name: column for name, values in drawn.items() if (column := arrow(values)) is not None}
    for name in categories & columns.keys():
        if not (pa.types.is_nested(columns[name].type) or pa.types.is_null(columns[name].type)):
            columns[name] = columns[name].dictionary_encode()
    for kind in ("predictions", "annotations"):
        images = b'{"format": "crowdeval/%s@1", "images": [{"id": "a"}, {"id": "b"}]}' % kind.encode() if own else None
        only_our_errors(getattr(PARQUET, f"read_{kind}"), source(columns, images))
