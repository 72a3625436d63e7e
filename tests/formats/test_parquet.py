"""Parquet: tables of crowdeval and of pandas, and the problems of other tables."""

import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from crowdeval.errors import CrowdevalWarning, FormatError, InputError
from crowdeval.formats import FORMATS, Source
from crowdeval.points.sets import Annotations

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
    with pytest.warns(CrowdevalWarning, match="these columns are not read as predictions: 'species'"):
        PARQUET.read_predictions(source({"image": ["a"], "x": [1], "y": [1], "species": ["kob"]}))


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
