"""CSV: spellings of the header, separators, images without points, and the problems with their lines."""

import warnings

import numpy as np
import pytest
from formats.drawn import PLAIN_ID, annotations, assert_same, column, layouts, only_our_errors, predictions, table
from hypothesis import given, settings
from hypothesis import strategies as st

from crowdeval.errors import CrowdevalWarning, FormatError, Problems, UsageError
from crowdeval.formats import FORMATS, Source
from crowdeval.formats.csv_cells import Layout, careful_table, fast_table
from crowdeval.formats.table_headers import read_header
from crowdeval.points.sets import Annotations, Predictions

CSV = FORMATS["csv"]


def predicted(text):
    return CSV.read_predictions(Source("p.csv", text if isinstance(text, bytes) else text.encode(), ".csv"))


def annotated(text):
    return CSV.read_annotations(Source("a.csv", text if isinstance(text, bytes) else text.encode(), ".csv"))


def said(read, text):
    """What is read, and the words of its warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        value = read(text)
    return value, [str(warning.message).partition(": ")[2] for warning in caught]


def refused(read, text):
    """The words of the error."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(FormatError) as caught:
            read(text)
    return str(caught.value)


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
    with pytest.warns(CrowdevalWarning, match="these columns are not read as predictions: 'weather', 'x1'"):
        predicted("image,x,y,weather,x1\na,1,2,rain,3\n")


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
        ("imagge,x,y\na,1,2\n", "rename 'imagge' to 'image'"),
        ("image,x,y,X\na,1,2,3\n", "one column 'x', found the columns 'x', 'X'"),
        ("image,x,y\na,1,2\na,x,2\n", "line 3: expected a number in 'x', found 'x'"),
        ("image,x,y\na,12,5,3\n", "line 2: expected 3 cells, found 4 .*decimal comma"),
        ("image;x;y\na;1,2,5;3\n", "found '1,2,5' .*decimals are written with a point"),
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
        ("image,pred\na,1\n", "expected the columns 'image', 'x', 'y', found 'image', 'pred'"),
        ("image,count\na,1.5\n", r"line 2, count, image 'a': expected a whole number of people.*found 1.5"),
        ("image,count\na,-1\n", r"line 2, count, image 'a': expected a whole number of people.*found -1"),
        ("image,count\na,\n", "expected a count for every image"),
        ("image,x,y,width\na,1,2,3\n", "expected both columns 'width' and 'height', or neither, found only 'width'"),
        ("image,x,y,width,height\na,1,2,3,\n", "both width and height, or neither, found only the width"),
        ("image,x,y,width,height\na,1,2,3,4\na,1,2,5,4\n", "line 3, width.*the same width on every row"),
        ("image,x,y,width,height\na,1,2,0,4\n", "positive number"),
        ("image,x,y,level\na,1,2,1.5\n", "a whole number from 0 to 5, found 1.5"),
        ("image,x,y,x1,y1\na,1,2,1,1\n", "'x1', 'y1', 'x2', 'y2' together, found only 'x1', 'y1'"),
        ("image,x,y,sigma_s,sigma_l\na,1,2,1,\n", "a sigma_l for every point"),
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
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
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


IMAGE_HEADERS = ["filename", "file_name", "file", "img", "image_name", "image_id", "images", "image_path", "img_id"]


@pytest.mark.parametrize("header", [*IMAGE_HEADERS, "img_name", "IMAGE", "Image Name", "ImageName", " image-id "])
def test_the_image_has_many_names(header):
    text = f"{header},x,y\na,1,2\n"
    assert predicted(text).image_ids == ("a",)
    assert CSV.recognises(Source("file", text.encode()))


SCORES = ["scores", "confidence", "conf", "prob", "probability", "p", "detection_score", "Detection Score", "CONF"]


@pytest.mark.parametrize("header", SCORES)
def test_the_score_has_many_names(header):
    read, words = said(predicted, f"image,x,y,{header}\na,1,2,0.25\n")
    assert read.score.tolist() == [0.25]
    assert words == []


@pytest.mark.parametrize("header", ["label", "labels", "class", "species", "category", "class_name", "Class Name"])
def test_the_label_has_many_names(header):
    text = f"image,x,y,{header}\na,1,2,kob\na,3,4,\na,5,6,elephant\na,7,8,kob\nb,,,\n"
    for read in (predicted, annotated):
        value, words = said(read, text)
        assert value.labels.tolist() == ["kob", "", "elephant", "kob"]
        assert words == []
        assert value.labels[0] is value.labels[3]


@pytest.mark.parametrize("header", ["x1,y1,x2,y2", "xmin,ymin,xmax,ymax", "x_min,y_min,x_max,y_max",
                                    "left,top,right,bottom", "X Min,Y Min,X Max,Y Max"])  # fmt: skip
def test_boxes_have_many_names(header):
    read, words = said(annotated, f"image,{header}\na,0,0,2,4\n")
    assert (read.xy.tolist(), read.boxes.tolist()) == ([[1, 2]], [[0, 0, 2, 4]])
    assert words == ["no columns x and y; the points are the centres of 1 box"]


@pytest.mark.parametrize("header", ["left,top,width,height", "xmin,ymin,width,height", "x1,y1,w,h"])
def test_a_corner_and_sides_are_boxes(header):
    text = f"image,{header}\na,10,20,2,4\nb,,,,\n"
    read, words = said(annotated, text)
    assert (read.xy.tolist(), read.boxes.tolist()) == ([[11, 22]], [[10, 20, 12, 24]])
    assert (read.image_ids, read.sizes) == (("a", "b"), None)
    assert words == ["no columns x and y; the points are the centres of 1 box"]
    assert said(predicted, text)[0].xy.tolist() == [[11, 22]]


def test_a_side_that_lacks_or_is_negative_is_a_problem_with_its_line():
    words = refused(annotated, "image,left,top,width,height\na,1,2,,4\na,1,2,3,-4\n")
    assert "line 2, width, image 'a': expected a side for every box, found an empty cell" in words
    assert "line 3, height, image 'a': expected a side of at least 0, found -4" in words


def test_of_two_headers_of_one_meaning_the_first_of_the_order_is_read_and_the_other_named():
    read, words = said(predicted, "confidence,scores,score,x,y,image_id,image\n.1,.2,.3,1,2,7,a\n")
    assert (read.score.tolist(), read.image_ids) == ([0.3], ("a",))
    assert words == ["these columns are not read as predictions: 'confidence', 'scores', 'image_id'"]


def test_detections_of_herdnet_have_the_species_as_labels_and_the_scores():
    text = (
        "images,labels,scores,dscores,x,y,count_1,species\na,1,0.9,0.7,1,2,3,kob\na,2,0.8,0.6,3,4,3,oryx\nb,,,,,,0,\n"
    )
    read, words = said(predicted, text)
    assert (read.labels.tolist(), read.score.tolist()) == (["kob", "oryx"], [0.9, 0.8])
    assert words == ["these columns are not read as predictions: 'labels', 'dscores', 'count_1'"]


def test_labels_of_text_come_before_numbers_whatever_their_header():
    read, words = said(annotated, "image,x,y,label,class\na,1,2,1,kob\n")
    assert read.labels.tolist() == ["kob"]
    assert words == ["these columns are not read as annotations: 'label'"]
    assert said(annotated, "image,x,y,class,label\na,1,2,3,4\n")[0].labels.tolist() == ["4"]


@pytest.mark.parametrize("header", ["dscores", "conf_2", "logit", "certainty", "Class Probability", "objectness score"])
def test_a_column_that_looks_like_a_confidence_is_not_dropped(header):
    words = refused(predicted, f"image,x,y,{header}\na,1,2,0.9\n")
    assert words == (
        "p.csv: line 1: expected confidences in the column 'score', "
        f"found the column {header!r}, which looks like confidences and would not be read "
        "(rename it to 'score', or take it out of the file)"
    )
    assert len(said(annotated, f"image,x,y,{header}\na,1,2,0.9\n")[0].xy) == 1


def test_two_such_columns_are_one_problem():
    words = refused(predicted, "image,x,y,conf1,conf2\na,1,2,0.9,0.8\n")
    assert "the columns 'conf1', 'conf2', which look like confidences" in words


@pytest.mark.parametrize("column", ["uncertainty,0.3", "comment on scores,blurred", "confirmed,yes", "weather,3"])
def test_other_columns_are_only_named(column):
    header, cell = column.split(",")
    read, words = said(predicted, f"image,x,y,{header}\na,1,2,{cell}\n")
    assert read.score is None
    assert words == [f"these columns are not read as predictions: {header!r}"]


def test_class_numbers_with_decimals_are_whole():
    text = "images,labels,x,y\na,1.0,1,2\na,2.0,3,4\na,10,3,4\nb,,,\n"
    assert annotated(text).labels.tolist() == ["1", "2", "10"]
    assert annotated(text.replace("2.0", "2.5")).labels.tolist() == ["1.0", "2.5", "10"]


@pytest.mark.parametrize("quoted", [False, True])
def test_labels_are_read_alike_by_both_ways(quoted):
    cell = '"kob, female"' if quoted else "kob"
    text = f"image,x,y,label\nb,1,2,{cell}\na,3,4,oryx\nb,5,6,\nb,7,8,{cell}\n"
    careful = text + "c,NA,NA,\n"
    assert predicted(text).labels.tolist() == said(predicted, careful)[0].labels.tolist()


def test_labels_are_written_and_read_again():
    text = "image,x,y,label\na,1.0,2.0,kob\na,3.0,4.0,\nb,,,\n"
    for read, write in ((predicted, CSV.write_predictions), (annotated, CSV.write_annotations)):
        assert write(read(text)).decode() == text
    empty = Predictions(image_ids=["a"], offsets=[0, 0], xy=[], labels=[])
    assert predicted(CSV.write_predictions(empty)).labels.tolist() == []


@pytest.mark.parametrize("label", ["a\nb", "a\0", "\ud800"])
def test_a_label_that_csv_cannot_hold_is_refused(label, one_point):
    with pytest.raises(UsageError, match="can't hold labels with line breaks, NUL or half characters"):
        CSV.write_predictions(one_point(labels=[label]))


WORDS_FOR_NOTHING = ["NA", "NaN", "nan", "None", "null", "N/A", "NULL", "<NA>"]


@pytest.mark.parametrize("word", WORDS_FOR_NOTHING)
def test_a_row_without_coordinates_declares_an_image(word):
    text = f"image,x,y,score\na,1,2,0.5\nb,{word},{word},{word}\nc,,{word},\nd,,,\n"
    read, words = said(predicted, text)
    assert (read.image_ids, read.offsets.tolist()) == (("a", "b", "c", "d"), [0, 1, 1, 1, 1])
    assert words == ["2 rows without coordinates (NA, NaN) are read as images without points"]
    box = f"image,x1,y1,x2,y2\na,0,0,2,2\nb,{word},{word},{word},{word}\n"
    assert said(annotated, box)[0].offsets.tolist() == [0, 1, 1]


@pytest.mark.parametrize(("row", "words"), [("b,NA,2,1", "a number in 'x', found 'NA'"),
                                            ("b,1,nan,1", "a finite number in 'y', found 'nan'"),
                                            ("b,1,2,NA", "a number in 'score', found 'NA'")])  # fmt: skip
def test_a_single_word_for_nothing_is_a_problem(row, words):
    assert refused(predicted, f"image,x,y,score\na,1,2,0.5\n{row}\n") == f"p.csv: line 3: expected {words}"


def test_tables_of_r_read():
    text = '"","image","x","y"\n"1","a",1,2\n"2","b",NA,NA\n'
    read, words = said(predicted, text)
    assert (read.image_ids, read.xy.tolist()) == (("a", "b"), [[1, 2]])
    assert words == ["1 row without coordinates (NA, NaN) is read as an image without points"]


@pytest.mark.parametrize("start", ["sep=;\n", "sep=;\r\n", '"sep=;"\n', "SEP=;\n", "\ufeffsep=;\n"])
def test_the_line_that_names_the_separator_is_skipped(start):
    text = f"{start}image;x;y\na;1;2\n"
    assert predicted(text).xy.tolist() == [[1, 2]]
    assert CSV.recognises(Source("file", text.encode()))
    assert "line 3: expected a number in 'x'" in refused(predicted, f"{start}image;x;y\na;q;2\n")


def test_the_named_separator_wins():
    read, words = said(predicted, "sep=|\nimage|x|y|a,b,c,d,e\na|1|2|3\n")
    assert (read.xy.tolist(), words) == ([[1, 2]], ["these columns are not read as predictions: 'a,b,c,d,e'"])


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf16_with_a_byte_order_mark_is_decoded(encoding):
    data = "\ufeffimage,x,y\r\nGnü,1,2\r\n".encode(encoding)
    assert predicted(data).image_ids == ("Gnü",)
    assert CSV.recognises(Source("file", data))
    assert "line 2: expected a number in 'x'" in refused(predicted, "\ufeffimage,x,y\na,q,2\n".encode(encoding))


def test_damaged_utf16_is_refused():
    data = "\ufeffimage,x,y\na,1,2\n".encode("utf-16-le")
    assert "damaged UTF-16 text (save it as UTF-8)" in refused(predicted, data[:-1])
    assert "binary data" in refused(predicted, b"\xff\xfe" + "a\0".encode("utf-16-le"))
    assert "found UTF-16 text (save it as UTF-8)" in refused(predicted, '\ufeff{"a": []}'.encode("utf-16-le"))
    assert not CSV.recognises(Source("file", b"\xff\xfe\0"))


@pytest.mark.parametrize("start", ["image, x, y, label", "label, x, y, image", 'image, "x", y, label'])
def test_blanks_after_separators_are_no_part_of_the_cells(start):
    cells = {"image": "a b", "x": "1", '"x"': "1", "y": "2", "label": "kob"}
    text = start + "\n" + ", ".join(cells[name] for name in start.split(", ")) + "\n"
    for form in (text, text.replace("kob", '"kob"'), text + ", ".join([""] * 4)):
        if form.endswith(", "):
            continue
        read = predicted(form)
        assert (read.image_ids, read.xy.tolist(), read.labels.tolist()) == (("a b",), [[1, 2]], ["kob"])


def test_blanks_before_ids_stay_where_the_header_has_none():
    assert predicted("x,y,image\n1,2, a\n").image_ids == (" a",)


@pytest.mark.parametrize("separator", [";", "\t"])
def test_decimal_commas_are_read_where_nothing_else_is_possible(separator):
    rows = ["image,x,y,score", "a,100.5,50,1", "b,,,", "a,1.25,.5,9e-1"]
    text = "\n".join(row.replace(",", separator).replace(".", ",") for row in rows)
    words = ["the numbers have decimal commas, and are read so"]
    for form in (text, text + f"\nb{separator}NA{separator}NA{separator}\n"):
        read, said_words = said(predicted, form)
        assert (read.xy.tolist(), read.score.tolist()) == ([[100.5, 50], [1.25, 0.5]], [1, 0.9])
        assert said_words[:1] == words


@pytest.mark.parametrize("row", ["b;1,2,3;4", "b;1.234,5;4", "b;1.5;4"])
def test_decimal_commas_beside_other_signs_stay_problems(row):
    words = refused(predicted, f"image;x;y\na;100,5;50\n{row}\n")
    assert "line 2: expected a number in 'x', found '100,5' (decimals are written with a point)" in words


def test_decimal_commas_are_read_on_the_fast_way():
    layout = Layout(Source("file", b""), b"a;1,5;2\n", ";")
    columns = read_header(["image", "x", "y"], "predictions", Problems("file"), is_number=lambda position: False)
    with pytest.warns(CrowdevalWarning, match="decimal commas"):
        assert fast_table(layout, columns).numbers["x"].tolist() == [1.5]


def test_decimal_commas_are_no_numbers_where_the_comma_separates():
    assert "decimals are written with a point" in refused(predicted, 'image,x,y\na,"100,5",50\n')


@pytest.mark.parametrize(
    ("row", "header"),
    [
        ("IMG_1.jpg,100,50", "image,x,y"),
        ("IMG_1.jpg,100,50,0.9", "image,x,y,score"),
        ("IMG_1.JPG,95,45,105,55", "image,x1,y1,x2,y2"),
        ("a/b 1.png;95;45;105;55;zebra", "image,x1,y1,x2,y2,label"),
        ("1.tiff\tzebra\t95\t45", "image,label,x,y"),
    ],
)
def test_a_first_line_that_is_a_row_is_refused_with_the_mend(row, header):
    assert CSV.recognises(Source("file", f"{row}\n".encode()))
    assert (
        refused(predicted, f"\n{row}\n")
        == f"p.csv: line 2: expected a header, found the row {row} (add the header {header})"
    )


@pytest.mark.parametrize("row", ["a,1,2", "100,50,1", "IMG_1.jpg,5", "IMG_1.jpg 1 2 3", "a.jpg,b,c,1,2", "a.txt,1,2"])
def test_other_first_lines_are_not_recognised(row):
    assert not CSV.recognises(Source("file", row.encode()))


def test_a_row_as_first_line_of_a_csv_file_needs_no_image_file_to_get_the_mend():
    assert "(add the header image,x,y)" in refused(annotated, "IMG_1,100,50\n")


def test_a_box_of_zeros_declares_an_image():
    text = "image_path,xmin,ymin,xmax,ymax,label,score\na,0,0,2,4,Tree,.5\nb,0,0,0,0,Tree,.1\nc,0,0,0,0,,.1\n"
    for read in (predicted, annotated):
        value, _ = said(read, text)
        assert (value.image_ids, value.xy.tolist(), value.labels.tolist()) == (("a", "b", "c"), [[1, 2]], ["Tree"])
    words = [
        "2 rows of zeros are read as images without points",
        "no columns x and y; the points are the centres of 1 box",
    ]
    assert said(predicted, text)[1] == words


def test_the_point_0_0_alone_declares_an_image_of_deepforest_and_is_a_point_elsewhere():
    text = "image_path,x,y,score\na,1,2,.5\nb,0,0,.5\nc,0,0,.5\nc,1,1,.5\n"
    read, words = said(predicted, text)
    assert read.offsets.tolist() == [0, 1, 1, 3]
    assert words == ["1 row with (0, 0) as its only point is read as an image without points"]
    assert predicted(text.replace("image_path", "image")).offsets.tolist() == [0, 1, 2, 4]
    assert annotated("image,x,y,x1,y1,x2,y2\na,0,0,0,0,0,0\n").xy.tolist() == [[0, 0]]


CORNER = "width and height are the sides of boxes with the corner x, y: the points are their centres"


@pytest.mark.parametrize("sides", [("10,10", "10,10"), ("10,12", "20,8")])
def test_sides_beside_a_corner_are_boxes(sides):
    text = f"image,x,y,width,height\na,95,45,{sides[0]}\na,135,5,{sides[1]}\nb,,,,\n"
    read, words = said(annotated, text)
    ends = [[float(side) for side in pair.split(",")] for pair in sides]
    boxes = [[95, 45, 95 + ends[0][0], 45 + ends[0][1]], [135, 5, 135 + ends[1][0], 5 + ends[1][1]]]
    assert read.boxes.tolist() == boxes
    assert read.xy.tolist() == [[(x1 + x2) / 2, (y1 + y2) / 2] for x1, y1, x2, y2 in boxes]
    assert (read.sizes, read.image_ids, words) == (None, ("a", "b"), [CORNER])
    value, words = said(predicted, text)
    assert (value.xy.tolist(), value.sizes, words) == (read.xy.tolist(), None, [CORNER])


def test_sides_around_all_points_are_the_size_of_the_image():
    text = "image,x,y,width,height\na,95,45,640,480\na,640,0,640,480\nb,,,800,600\n"
    for read in (predicted, annotated):
        assert read(text).sizes.tolist() == [[640, 480], [800, 600]]
        assert read(text).xy.tolist() == [[95, 45], [640, 0]]


def test_a_few_points_beyond_the_border_make_no_boxes():
    rows = "".join(f"a,{x},5,100,50\n" for x in (10, 20, 30, 101))
    assert annotated(f"image,x,y,width,height\n{rows}").sizes.tolist() == [[100, 50]]
    assert annotated("image,x,y,width,height\na,101,5,100,50\nb,,,100,50\n").sizes.tolist() == [[100, 50]] * 2


def test_large_boxes_are_known_by_sides_that_vary_inside_the_images():
    rows = "a,0,0,90,80\na,10,5,60,60\na,70,5,30,20\nb,5,5,70,70\nb,1,2,60,50\nb,3,4,60,60\n"
    read, words = said(annotated, f"image,x,y,width,height\n{rows}")
    assert (read.boxes[2].tolist(), words) == ([70, 5, 100, 25], [CORNER])


def test_one_wrong_size_makes_no_boxes():
    rows = "".join(f"{image},9,5,100,50\n" for image in "aabbcc") + "a,20,5,10,50\n"
    words = refused(annotated, f"image,x,y,width,height\n{rows}")
    assert "line 8, width, image 'a': expected the same width on every row of an image, found 10" in words


def test_sides_called_w_and_h_beside_x_and_y_are_not_guessed():
    _, words = said(predicted, "image,x,y,w,h\na,95,45,10,10\n")
    assert words == [
        "these columns are not read as predictions: 'w', 'h'; x and y are read as points: "
        "if they are corners of boxes, call the sides 'width' and 'height'"
    ]


def test_sides_of_boxes_with_corners_are_no_sizes():
    text = "image,xmin,ymin,xmax,ymax,width,height\na,5,5,15,25,10,20\na,1,2,4,7,4,6\n"
    read, words = said(annotated, text)
    assert read.sizes is None
    assert words[0] == "width and height are the sides of the boxes, and not read"
    sizes = text.replace(",10,20\n", ",640,480\n").replace(",4,6\n", ",640,480\n")
    assert said(annotated, sizes)[0].sizes.tolist() == [[640, 480]]
    assert said(predicted, sizes)[0].sizes.tolist() == [[640, 480]]


def test_the_size_of_the_image_can_be_named():
    text = "image,x,y,width,height,image_width,image_height\na,1,2,10,10,64,48\n"
    read, words = said(annotated, text)
    assert (read.boxes.tolist(), read.sizes.tolist(), words) == ([[1, 2, 11, 12]], [[64, 48]], [CORNER])
    assert annotated("image,x,y,img_width,img_height\na,100,2,64,48\n").sizes.tolist() == [[64, 48]]


def test_sizes_that_could_be_taken_for_boxes_are_written_under_other_names():
    far = Annotations(image_ids=["a"], offsets=[0, 1], xy=[[95, 45]], sizes=[[10, 10]])
    text = CSV.write_annotations(far).decode()
    assert text == "image,x,y,image_width,image_height\na,95.0,45.0,10.0,10.0\n"
    assert annotated(text).sizes.tolist() == [[10, 10]]
    same = Annotations(image_ids=["a"], offsets=[0, 1], xy=[[5, 5]], boxes=[[0, 0, 10, 10]], sizes=[[10, 10]])
    again = annotated(CSV.write_annotations(same))
    assert (again.sizes.tolist(), again.boxes.tolist()) == ([[10, 10]], [[0, 0, 10, 10]])


def test_the_frame_of_predictions_is_written_and_read_again():
    value = Predictions(image_ids=["a", "b"], offsets=[0, 1, 1], xy=[[0.5, 0.25]], sizes=[[1, 1], [np.nan, np.nan]])
    text = CSV.write_predictions(value).decode()
    assert text == "image,x,y,width,height\na,0.5,0.25,1.0,1.0\nb,,,,\n"
    np.testing.assert_array_equal(predicted(text).sizes, value.sizes)
    counts = Predictions(image_ids=["a"], offsets=[0, 0], xy=[], counts=[3], located=False, sizes=[[4, 5]])
    assert predicted(CSV.write_predictions(counts)).sizes.tolist() == [[4, 5]]


def test_one_side_of_predictions_is_not_read():
    read, words = said(predicted, "image,x,y,width\na,1,2,3\n")
    assert (read.sizes, words) == (None, ["these columns are not read as predictions: 'width'"])


@pytest.mark.parametrize(
    "header", ["count", "counts", "num", "number", "n", "total", "gt", "true", "gt_count", "Truth"]
)
def test_counts_are_annotations(header):
    text = f"image,{header}\na,3\nb,0\n"
    read = annotated(text)
    assert (read.counts.tolist(), read.located, read.image_ids) == ([3, 0], False, ("a", "b"))
    assert annotated(CSV.write_annotations(read)).counts.tolist() == [3, 0]
    assert CSV.recognises(Source("file", text.encode()))


@pytest.mark.parametrize("header", ["gt,pred", "true,predicted", "gt_count,pred_count", "GT Count,Predicted Count"])
def test_counts_of_both_kinds_are_in_one_file(header):
    text = f"image,{header}\na,3,3.4\nb,0,0.5\n"
    truth, words = said(annotated, text)
    estimate, other_words = said(predicted, text)
    assert (truth.counts.tolist(), estimate.counts.tolist()) == ([3, 0], [3.4, 0.5])
    assert words == other_words == []


SURVEY = "survey id,image,elephant,zebra,x,y\ns,a,2,3,{0}\ns,b,0,1,{0}\n"


@pytest.mark.parametrize("place", [",", "23.5,-19.2"])
def test_counts_of_dotdotgoose_are_added_over_the_classes(place):
    words = ["counts of DotDotGoose, added over the classes 'elephant', 'zebra'; no other column is read"]
    for read in (predicted, annotated):
        value, found = said(read, SURVEY.format(place))
        assert (value.counts.tolist(), value.located, found) == ([5, 1], False, words)
    assert "line 3, count of zebra, image 'b': expected a count" in refused(
        predicted, SURVEY.format(place).replace("0,1", "0,-1")
    )
    assert "expected a number in 'count of zebra', found 'q'" in refused(
        annotated, SURVEY.format(place).replace("0,1", "0,q")
    )
    assert lines_of(SURVEY.format(place).replace("0,1", "0,q"))[1:] == []
    assert "a count for every image" in refused(annotated, SURVEY.format(place).replace("0,1", "0,"))


def test_points_of_dotdotgoose_are_points():
    read, words = said(annotated, "survey id,image,class,x,y\ns,a,zebra,1.0,2.0\n")
    assert (read.xy.tolist(), read.labels.tolist(), words) == ([[1, 2]], ["zebra"], [])


BBOX = 'image_id,width,height,bbox\na,640,480,"[95.0, 45.0, 10.0, 10.0]"\nb,800,600,\na,640,480,"[5, 5, 30, 20]"\n'


def test_boxes_as_text_are_read_with_the_size_of_the_image():
    for form in (BBOX, BBOX.replace(",,", ",NaN,").replace("b,800,600,", "b,800,600,NaN")):
        read, words = said(annotated, form)
        assert read.boxes.tolist() == [[95, 45, 105, 55], [5, 5, 35, 25]]
        assert (read.xy.tolist(), read.sizes.tolist()) == ([[100, 50], [20, 15]], [[640, 480], [800, 600]])
        assert words == ["no columns x and y; the points are the centres of 2 boxes"]
    assert said(predicted, BBOX)[0].sizes.tolist() == [[640, 480], [800, 600]]


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        (
            "[1, 2, 3]",
            r"line 2, bbox, image 'a': expected a text \[x, y, width, height\] in 'bbox', found '\[1, 2, 3\]'",
        ),
        ("[1, 2, 3, x]", "expected a text"),
        ("[1, 2, 1e999, 4]", "expected a text"),
        ("[1, 2, -3, 1]", "line 2, width, image 'a': expected a side of at least 0, found -3"),
        ("[95, 45, 105, 55]", "found numbers that may be two corners .write corners into columns x1, y1, x2, y2"),
    ],
)
def test_wrong_boxes_as_text_are_refused(cell, words):
    with pytest.raises(FormatError, match=words):
        said(annotated, f'image,bbox\na,"{cell}"\n')


def test_boxes_as_text_that_go_beyond_the_image_may_be_corners():
    text = 'image,width,height,bbox\na,120,100,"[95, 45, 105, 55]"\n'
    assert "may be two corners" in refused(annotated, text)


def test_points_as_text_are_read():
    text = "image_path,label,geometry\na,Tree,POINT (100 50)\na,Tree,Point Z(1.5 -2 7)\nb,Tree,POINT EMPTY\n"
    read, words = said(annotated, text)
    assert (read.xy.tolist(), read.offsets.tolist(), words) == ([[100, 50], [1.5, -2]], [0, 2, 2], [])


def test_polygons_as_text_are_refused_by_name_and_not_read_beside_points():
    polygon = '"POLYGON ((1 2, 3 4, 5 6, 1 2))"'
    words = refused(predicted, f"image_path,geometry\na,{polygon}\na,{polygon}\n")
    assert "lines 2..3, geometry, image 'a': expected a text POINT (x y) in 'geometry', found a POLYGON" in words
    assert "(write boxes into columns xmin, ymin, xmax, ymax) (2 times)" in words
    read, words = said(predicted, f"image_path,x,y,geometry\na,1,2,{polygon}\n")
    assert (read.xy.tolist(), words) == ([[1, 2]], ["these columns are not read as predictions: 'geometry'"])


HEADERS = ["image", "image_path", "survey id", "x", "y", "left", "top", "width", "height", "w", "h", "x1", "y1", "x2"]
HEADERS += ["y2", "image_width", "image_height", "bbox", "geometry", "label", "species", "gt", "pred", "conf", "conf2"]
HEADS = st.lists(st.sampled_from(HEADERS), min_size=1, max_size=7)
TEXTS = ["kob", "1.0", " a", '"', "POINT (1 2)", "POLYGON ((1 2))", '"[1, 2, 3, 4]"', '"[1, 2, 3]"', "nan", "NA"]
CELLS = st.sampled_from(["", "0", "1", "2.5", "-3", "7,5", "1e300", "1e999", *TEXTS])


@settings(max_examples=300)
@given(head=HEADS, rows=st.lists(st.lists(CELLS, max_size=7), max_size=4), separator=st.sampled_from(",;\t"),
       start=st.sampled_from(["", "sep=;\n", "\ufeff"]), encoding=st.sampled_from(["utf-8", "utf-16-le"]))  # fmt: skip
def test_random_tables(head, rows, separator, start, encoding):
    lines = [head, *([*row, *[""] * len(head)][: len(head)] for row in rows)]
    mark = "\ufeff" if encoding == "utf-16-le" else ""
    data = (mark + start + "\n".join(separator.join(line) for line in lines)).encode(encoding)
    for read in (CSV.read_predictions, CSV.read_annotations, CSV.recognises):
        only_our_errors(read, Source("file", data, ".csv"))


def both_ways(data, kind):
    header, _, body = data.partition(b"\n")
    columns = read_header(header.decode().split(","), kind, Problems("file"), is_number=lambda position: False)
    layout = Layout(Source("file", data), body, ",")
    fast, careful = fast_table(layout, columns), careful_table(layout, columns)
    assert not careful.problems
    assert fast.image_ids == careful.image_ids
    np.testing.assert_array_equal(fast.image, careful.image)
    assert fast.numbers.keys() == careful.numbers.keys()
    for name in fast.numbers:
        np.testing.assert_array_equal(fast.numbers[name], careful.numbers[name])
    for name, texts in fast.texts.items():
        assert texts.values == careful.texts[name].values
        np.testing.assert_array_equal(texts.codes, careful.texts[name].codes)


@settings(max_examples=60)
@given(value=predictions(PLAIN_ID))
def test_the_careful_way_reads_predictions_as_the_fast_one_does(value):
    both_ways(CSV.write_predictions(value), "predictions")


@settings(max_examples=60)
@given(value=annotations(PLAIN_ID, columns=("boxes", "level", "sizes")))
def test_the_careful_way_reads_annotations_as_the_fast_one_does(value):
    both_ways(CSV.write_annotations(value), "annotations")


NUMBER = st.sampled_from([0.0, 1.0, 2.0, 5.0, 10.0, 20.0])
LABEL = st.sampled_from(["", "kob", "oryx, f", 'a"b', "x y", "3"])


@st.composite
def crowded_numbers(draw, kind):
    """A set in which sizes, boxes and points have the same few numbers, so that one could be taken for another."""
    names, offsets = draw(layouts(PLAIN_ID))
    rows, images = int(offsets[-1]), len(names)
    size = st.tuples(NUMBER.filter(bool), NUMBER.filter(bool)) | st.just((np.nan, np.nan))
    sizes = np.array(draw(st.lists(size, min_size=images, max_size=images))).reshape(images, 2)
    columns = {
        "xy": draw(table(rows, 2, NUMBER)),
        "labels": draw(st.none() | st.lists(LABEL, min_size=rows, max_size=rows)),
        "sizes": None if np.isnan(sizes).all() else sizes,
    }
    if kind == "annotations":
        boxes = draw(st.none() | table(rows, 4, NUMBER))
        return Annotations(image_ids=names, offsets=offsets, boxes=boxes, **columns)
    return Predictions(image_ids=names, offsets=offsets, score=draw(st.none() | column(rows, NUMBER)), **columns)


@given(value=crowded_numbers("predictions"))
def test_predictions_come_back_whatever_their_sizes_look_like(value):
    assert_same(value, predicted(CSV.write_predictions(value)), "score", "sizes", "labels")


@given(value=crowded_numbers("annotations"))
def test_annotations_come_back_whatever_their_sizes_look_like(value):
    assert_same(value, annotated(CSV.write_annotations(value)), "boxes", "sizes", "labels")


def test_a_table_of_label_studio_is_named():
    with pytest.raises(FormatError, match="a table of Label Studio: export JSON"):
        CSV.read_annotations(
            Source("e.csv", b"image,id,kp,annotator,annotation_id,created_at,lead_time\na,1,[],1,1,x,2\n")
        )
