"""Counts as text: an image and its count in every line."""

import time

import pytest
from formats.drawn import only_our_errors
from formats.test_fuzzing import mutated, quick
from hypothesis import given
from hypothesis import strategies as st

from crowdeval.errors import FormatError
from crowdeval.formats import FORMATS, Source, detect

COUNTS = FORMATS["counts"]
HERD = "IMG_1.jpg 8\nIMG_2.jpg 12\n\nIMG_3.jpg 0\n"


def source(text):
    return Source("counts.txt", text.encode() if isinstance(text, str) else text, ".txt")


def problems(text, kind="predictions"):
    with pytest.raises(FormatError) as error:
        getattr(COUNTS, f"read_{kind}")(source(text))
    return str(error.value).removeprefix("counts.txt: ")


@pytest.mark.parametrize("kind", ["predictions", "annotations"])
@pytest.mark.parametrize(
    "text", [HERD, HERD.replace(" ", "\t"), "\ufeff" + HERD.replace(" ", " , "), HERD.replace(" ", ";")]
)
def test_counts_without_points(text, kind):
    value = getattr(COUNTS, f"read_{kind}")(source(text))
    assert value.image_ids == ("IMG_1.jpg", "IMG_2.jpg", "IMG_3.jpg")
    assert value.counts.tolist() == [8, 12, 0]
    assert (value.located, len(value.xy), value.labels) == (False, 0, None)


def test_predicted_counts_are_fractional():
    value = COUNTS.read_predictions(source("1 8.25\n2 1e1\n3 .5\n"))
    assert (value.image_ids, value.counts.tolist()) == (("1", "2", "3"), [8.25, 10, 0.5])


def test_true_counts_are_whole():
    assert problems("a 8\nb 8.25\n", "annotations") == "image 'b': expected a whole number of people, found 8.25"
    assert COUNTS.read_annotations(source("a 8.0\n")).counts.tolist() == [8]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a\n", "line 1: expected an image and its count, found 1 cell"),
        ("a 1\nb 1 2\n", "line 2: expected an image and its count, found 3 cells"),
        ("a 1,5\n", "line 1: expected an image and its count, found 3 cells (decimals are written with a point)"),
        ("a b\n", "line 1, image 'a': expected a count, a number from 0 to 1e+09, found 'b'"),
        ("a -1\n", "line 1, image 'a': expected a count, a number from 0 to 1e+09, found '-1'"),
        ("a nan\n", "line 1, image 'a': expected a count, a number from 0 to 1e+09, found 'nan'"),
        ("a 1e999\n", "line 1, image 'a': expected a count, a number from 0 to 1e+09, found '1e999'"),
        ("a 1_0\n", "line 1, image 'a': expected a count, a number from 0 to 1e+09, found '1_0'"),
        ("a 1\n\na 2\n", "line 3, image 'a': expected every image once, found 'a' a second time"),
        (",1\n", "line 1: expected the name of an image, found ''"),
    ],
)
@pytest.mark.parametrize("kind", ["predictions", "annotations"])
def test_lines_that_are_refused(text, words, kind):
    assert words in problems(text, kind)


def test_all_problems_are_named_with_their_lines():
    text = problems("a 1\nb x\nc\nd -2\n")
    assert "line 2" in text
    assert "line 3" in text
    assert "line 4" in text


@pytest.mark.parametrize("text", [HERD, "a 8.5\n", "a,8\n", "1 0\nb 2\n", "a 0\nb 0\nc 1"])
def test_recognised_by_all_lines(text):
    assert COUNTS.recognises(source(text))


def test_the_format_is_found(tmp_path):
    (tmp_path / "counts.txt").write_text(HERD)
    assert detect(tmp_path / "counts.txt") == "counts"


@pytest.mark.parametrize(
    "text",
    ["", "a\n", "1 2\n3 4\n", "a 0\nb 0\n", "a 1\nb 2 3\n", "a 1\nb c\n", "a 1 2 3\n", "x,y\n1,2\n",
     "image,count\na,1\n", "a 1\nb 1,5\n", ",1\n", "a nan\n", "a " + "1" * 20_000],
)  # fmt: skip
def test_other_files_are_left_to_others(text):
    assert not COUNTS.recognises(source(text))


def test_long_lines_take_no_time():
    start = time.perf_counter()
    for text in ("1" * 200_000 + "x", "a " + "1" * 200_000 + "x", " " * 500_000, "a" + " " * 500_000, "," * 200_000):
        read_both(text.encode())
    assert time.perf_counter() - start < 10


def read_both(data):
    COUNTS.recognises(source(data))
    for kind in ("predictions", "annotations"):
        only_our_errors(getattr(COUNTS, f"read_{kind}"), source(data))


@quick
@given(data=mutated(HERD.encode()) | st.binary(max_size=60))
def test_damaged_files(data):
    read_both(data)


CELLS = st.sampled_from(
    ["a", "b", "1", "2.5", "nan", "1e999", "1e300", "1e9", "1_0", "\u0661", "-3", "0", "1" * 400, ","]
)


@quick
@given(lines=st.lists(st.lists(CELLS, min_size=1, max_size=3), max_size=4))
def test_random_cells(lines):
    read_both("\n".join(map(" ".join, lines)).encode())
