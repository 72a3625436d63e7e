"""CSV: spellings of the header, separators, images without points, and the problems with their lines."""

import numpy as np
import pytest
from formats.drawn import PLAIN_ID, annotations, predictions
from hypothesis import given, settings

from crowdeval.errors import CrowdevalWarning, FormatError
from crowdeval.formats import FORMATS, Source, csv_table
from crowdeval.formats.long_table import NUMBERS, column_name

CSV = FORMATS["csv"]


def predicted(text):
    return CSV.read_predictions(Source("p.csv", text if isinstance(text, bytes) else text.encode(), ".csv"))


def annotated(text):
    return CSV.read_annotations(Source("a.csv", text.encode(), ".csv"))


@pytest.mark.parametrize(
    "text",
    [
        "image,x,y,score\na,1,2,0.5\nb,,,\na,3,4,0.25\n",
        "image_id;X;Y;Score\r\na;1;2;0.5\r\nb;;;\r\na;3;4;0.25\r\n",
        "images\tx\ty\tscores\na\t1\t2\t0.5\nb\t\t\t\na\t3\t4\t0.25",
        '"image","x","y","score"\n"a",1, 2,0.5\n\n"b",,,\n"a",3,4,0.25\n',
        "score,y,x,image\n0.5,2,1,a\n,,,b\n0.25,4,3,a\n",
        ",image,x,y,score\n0,a,1,2,0.5\n1,b,,,\n2,a,3,4,0.25\n",
    ],
)
def test_separators_spellings_and_orders_read_the_same(text):
    read = predicted(text)
    assert read.image_ids == ("a", "b")
    assert read.offsets.tolist() == [0, 2, 2]
    assert read.xy.tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert read.score.tolist() == [0.5, 0.25]
    assert CSV.recognises(Source("file", text.encode()))


def test_herdnet_and_deepforest_headers_read():
    assert predicted("images,x,y,labels,scores\na,1,2,1,0.5\n").score.tolist() == [0.5]
    assert annotated("images,x,y,labels\na,1,2,1\n").xy.tolist() == [[1.0, 2.0]]
    assert predicted("image_path,x,y,label,score\na.jpg,1,2,Tree,0.5\n").image_ids == ("a.jpg",)


def test_points_of_several_labels_are_read_as_one_class_with_a_warning():
    with pytest.warns(CrowdevalWarning, match=r"2 labels \('elephant', 'kob'\) are read as one class"):
        assert len(annotated("images,x,y,labels\na,1,2,kob\na,3,4,elephant\n").xy) == 2


def test_boxes_without_points_give_their_centres_with_a_warning():
    text = "image_path,xmin,ymin,xmax,ymax,label,score\na,0,0,2,4,Tree,0.5\n"
    with pytest.warns(CrowdevalWarning, match="centres of 1 box"):
        assert predicted(text).xy.tolist() == [[1.0, 2.0]]
    with (
        pytest.warns(CrowdevalWarning, match="centres of 1 box"),
        pytest.warns(CrowdevalWarning, match="these columns are not read as annotations: 'score'"),
    ):
        assert annotated(text).boxes.tolist() == [[0.0, 0.0, 2.0, 4.0]]


def test_columns_that_are_not_read_are_named():
    with pytest.warns(CrowdevalWarning, match="these columns are not read as predictions: 'species', 'x1'"):
        predicted("image,x,y,species,x1\na,1,2,kob,3\n")


def test_a_header_alone_is_no_images():
    assert predicted("image,x,y\n").image_ids == ()


def test_counts_without_points_read():
    read = predicted("image,count\na,3.5\nb,0\n")
    assert not read.located
    assert read.counts.tolist() == [3.5, 0.0]


def test_a_warning_names_the_columns_that_are_not_stored(truth):
    with pytest.warns(CrowdevalWarning, match="'csv' does not keep 'attribute file_name', 'attribute scene'"):
        text = CSV.write_annotations(truth).decode()
    assert text.splitlines()[0] == "image,x,y,x1,y1,x2,y2,sigma_s,sigma_l,level,width,height"
    assert text.splitlines()[3].startswith("b,,,")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("image\na\n", r"line 1: expected the columns 'image', 'x', 'y'.*found 'image'"),
        ("image,x,z\na,1,2\n", "found 'image', 'x', 'z'"),
        ("image,x,count\na,1,2\n", "found 'image', 'x', 'count'"),
        ("imagge,x,y\na,1,2\n", "did you mean 'imagge'"),
        ("image,x,y,X\na,1,2,3\n", "one column 'x', found the columns 'x', 'X'"),
        ("image,x,y\na,1,2\na,x,2\n", "line 3: expected a number in 'x', found 'x'"),
        ("image,x,y\na,12,5,3\n", "line 2: expected 3 cells, found 4 .*decimal comma"),
        ("image;x;y\na;12,5;3\n", "found '12,5' .*decimals are written with a point"),
        ("image,x,y\na,1\n", "line 2: expected 3 cells, found 2"),
        ("image,x,y\na,nan,1\n", "line 2: expected a finite number in 'x', found 'nan'"),
        ("image,x,y\na,1,inf\n", "finite number in 'y'"),
        ("image,x,y\na,1,1e999\n", "finite number in 'y'"),
        ("image,x,y\na,1,1_0\n", "number in 'y'"),
        ("image,x,y\na,1,1e10\n", r"line 2, y, image 'a': expected a coordinate within 1e\+09 pixels, found 1e\+10"),
        ("image,x,y\na,1,2\n\na,,2\n", "line 4, x, image 'a': expected a number, found an empty cell"),
        ("image,x,y\n,1,2\n", "line 2: expected an image id, found an empty cell"),
        ("image,x,y,score\na,1,2,0.5\na,1,2,\n", "line 3, score, image 'a': expected a score for every point"),
        ("image,x,y,score\na,,,0.5\n", "no score where there is no point"),
        ("image,x,y,count\na,1,2,-1\n", "count"),
        ("image,count\na,1e12\n", r"a count from 0 to 1e\+09"),
        ("image,count\na,\n", "a count for every image"),
        ("image,count\na,1\na,2\n", "the same count on every row of an image"),
        (b"image,x,y\n\xff,1,2\n", "line 2: expected UTF-8 text"),
        (b"image,x,\xff\n", "line 1: expected UTF-8 text"),
        ('image,x,y\n"a,1,2\n', "line 2: expected a closing quote .*found the end of the file"),
        ("image,x,y\n" + "a" * 200_000 + ',1,2\n"b,1,2\n', "expected"),
    ],
)
def test_a_problem_is_reported_with_its_line(text, words):
    with pytest.raises(FormatError, match=words):
        predicted(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("image,count\na,1\n", "expected the columns 'image', 'x', 'y', found 'image', 'count'"),
        ("image,x,y,width\na,1,2,3\n", "expected both columns 'width' and 'height', or neither, found only 'width'"),
        ("image,x,y,width,height\na,1,2,3,\n", "both width and height, or neither, found only the width"),
        ("image,x,y,width,height\na,1,2,3,4\na,1,2,5,4\n", "line 3, width.*the same width on every row"),
        ("image,x,y,width,height\na,1,2,0,4\n", "positive number"),
        ("image,x,y,level\na,1,2,1.5\n", "a whole number from 0 to 5, found 1.5"),
        ("image,x,y,x1,y1\na,1,2,1,1\n", "'x1', 'y1', 'x2', 'y2' together, found only 'x1', 'y1'"),
        ("image,x,y,sigma_s,sigma_l\na,1,2,1,\n", "a sigma_l for every point"),
        ("image,x,y,sigma_s,sigma_l\na,1,2,-1,3\n", "line 2, sigma_s.*a radius of at least 0, found -1"),
        ("image,x,y,sigma_s,sigma_l\na,1,2,1,-3\n", "line 2, sigma_l.*a radius of at least 0, found -3"),
    ],
)
def test_wrong_annotations_are_reported_with_their_line(text, words):
    with pytest.raises(FormatError, match=words):
        annotated(text)


def test_all_problems_come_at_once():
    with pytest.raises(FormatError) as caught:
        predicted("image,x,y\n" + "a,x,1\n" * 50)
    assert caught.value.total == 50
    with pytest.raises(FormatError) as caught:
        predicted("image,x,y\n" + "a,1e10,\n" * 50)
    assert caught.value.total == 100


def lines_of(text):
    with pytest.raises(FormatError) as caught:
        predicted(text)
    return [str(problem) for problem in caught.value.problems]


def test_wrong_cells_missing_cells_and_wrong_numbers_of_cells_come_at_once():
    assert lines_of('image,x,y,score\nA,"12,5",1,.9\nB,,4,.5\nC,1,2\nD,1e10,x,\nE,1,2,3\n') == [
        "line 2: expected a number in 'x', found '12,5' (decimals are written with a point)",
        "line 4: expected 4 cells, found 3",
        "line 5: expected a number in 'y', found 'x'",
        "line 3, x, image 'B': expected a number, found an empty cell",
        "line 5, x, image 'D': expected a coordinate within 1e+09 pixels, found 1e+10",
        "line 5, score, image 'D': expected a score for every point, found an empty cell",
    ]


@pytest.mark.parametrize("row", ["a,x,1,1", "a,1,x,1", "a,1,2,x", "a,,,x", ",1,2,1", "a,nan,1,1"])
def test_a_wrong_cell_is_reported_once(row):
    assert len(lines_of(f"image,x,y,score\n{row}\nb,1,2,3\n")) == 1


@pytest.mark.parametrize("row", ["a,1,2,x,4", "a,1,2,3,x"])
def test_a_wrong_size_is_reported_once(row):
    with pytest.raises(FormatError) as caught:
        annotated(f"image,x,y,width,height\n{row}\n")
    assert caught.value.total == 1


def test_a_wrong_radius_cell_is_reported_once():
    with pytest.raises(FormatError) as caught:
        annotated("image,x,y,sigma_s,sigma_l\na,1,2,3,x\n")
    assert caught.value.total == 1


def test_a_count_that_is_no_number_is_reported_once():
    assert lines_of("image,count\na,x\nb,2\n") == ["line 2: expected a number in 'count', found 'x'"]


def test_an_unclosed_quote_is_reported_with_the_line_where_it_opens_and_with_the_problems_before_it():
    assert lines_of('image,x,y\na,x,1\n"b,1,2\nc,1,2\n') == [
        "line 2: expected a number in 'x', found 'x'",
        'line 3: expected a closing quote ("), found the end of the file',
    ]


def test_text_after_a_closing_quote_hides_nothing_after_it():
    assert lines_of('image,x,y\n"a"b,1,2\nc,x,2\n') == [
        "line 2: expected a separator after a closing quote, found more text",
        "line 3: expected a number in 'x', found 'x'",
    ]


def test_a_cell_without_end_is_reported():
    found = lines_of('image,x,y\n"' + "a" * 200_000 + "\n")
    assert found[0].startswith("line 2: expected a cell of at most 131,072 characters, found a longer one")


def both_ways(data):
    header = data.split(b"\n", 1)[0].decode().split(",")
    names = {i: column_name(name) for i, name in enumerate(header)}
    source = Source("file", data)
    fast, _ = csv_table._fast_table(source, data.split(b"\n", 1)[1], ",", len(header), names)
    careful, _ = csv_table._careful_table(source, ",", len(header), names)
    assert not careful.problems
    assert fast.image_ids == careful.image_ids
    np.testing.assert_array_equal(fast.image, careful.image)
    for name in set(names.values()) & set(NUMBERS):
        np.testing.assert_array_equal(fast.numbers[name], careful.numbers[name])


@settings(max_examples=60)
@given(value=predictions(PLAIN_ID))
def test_the_careful_way_reads_predictions_as_the_fast_one_does(value):
    both_ways(CSV.write_predictions(value))


@settings(max_examples=60)
@given(value=annotations(PLAIN_ID, columns=("boxes", "level", "sizes")))
def test_the_careful_way_reads_annotations_as_the_fast_one_does(value):
    both_ways(CSV.write_annotations(value))
