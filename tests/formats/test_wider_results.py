"""Results of WIDER FACE: the boxes of one image."""

import pytest
from formats.drawn import only_our_errors
from formats.test_fuzzing import mutated, quick
from hypothesis import given
from hypothesis import strategies as st

from crowdeval.errors import CrowdevalWarning, FormatError
from crowdeval.formats import FORMATS, Source, detect

WIDER = FORMATS["wider"]
PARADE = "0_Parade_marchingband_1_20\n2\n541 354 36 46 0.999 \n100.5 50 9 20 1e-1 \n"


def source(text):
    return Source("0_Parade_marchingband_1_20.txt", text.encode() if isinstance(text, str) else text, ".txt")


def problems(text, kind="predictions"):
    with pytest.raises(FormatError) as error:
        getattr(WIDER, f"read_{kind}")(source(text))
    return str(error.value).removeprefix("0_Parade_marchingband_1_20.txt: ")


def read(text, kind):
    with pytest.warns(CrowdevalWarning) as caught:
        value = getattr(WIDER, f"read_{kind}")(source(text))
    return value, [str(warning.message).partition(": ")[2] for warning in caught]


def test_predictions_are_the_centres_of_boxes():
    value, messages = read(PARADE, "predictions")
    assert value.image_ids == ("0_Parade_marchingband_1_20",)
    assert value.xy.tolist() == [[559, 377], [105, 60]]
    assert value.score.tolist() == [0.999, 0.1]
    assert (value.labels, value.sizes) == (None, None)
    assert messages == ["the points are the centres of 2 boxes"]


def test_annotations_have_the_boxes():
    value, messages = read(PARADE, "annotations")
    assert value.boxes.tolist() == [[541, 354, 577, 400], [100.5, 50, 109.5, 70]]
    assert messages == ["the points are the centres of 2 boxes", "confidences are not read as annotations"]


@pytest.mark.parametrize("text", ["0--Parade/a.jpg\n0\n", "\ufeff0--Parade/a.jpg\r\n\r\n0"])
def test_an_image_without_boxes(text):
    value = WIDER.read_predictions(source(text))
    assert (value.image_ids, len(value.xy)) == (("0--Parade/a.jpg",), 0)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a.jpg\n", "expected the name of an image and the number of its boxes, found 1 line"),
        ("a\nb\n1 2 3 4 5\n", "line 2, image 'a': expected the number of boxes, found 'b'"),
        ("a\n-1\n", "line 2, image 'a': expected the number of boxes, found '-1'"),
        ("a\n2\n1 2 3 4 5\n", "line 2, image 'a': expected 2 rows x y width height score, found 1 row"),
        ("a\n1\n1 2 3 4\n", "line 3, image 'a': expected x y width height score, found 4 cells"),
        ("a\n1\n1 2 3 4 0 0 0 0 0 0\n", "line 3, image 'a': expected x y width height score, found 10 cells"),
        ("a\n1\n1 2 w 4 5\n", "line 3, image 'a': expected a corner, a finite number, found 'w'"),
        ("a\n1\n1 2 3 4 s\n", "line 3, image 'a': expected a confidence, a finite number, found 's'"),
        ("a\n1\n1 2 -3 4 5\n",
         "line 3, image 'a': expected a box with x1 <= x2 and y1 <= y2, found [1.0, 2.0, -2.0, 6.0]"),
        ("a\n1\n1 2 1e999 4 5\n", "line 3, image 'a': expected a corner, a finite number, found inf"),
    ],
)  # fmt: skip
def test_files_that_are_refused(text, words):
    assert problems(text) == words


def test_all_problems_are_named():
    text = problems("a\n1\n1 2 w 4 5\n\n1 2\n")
    assert "line 3" in text
    assert "line 5" in text
    assert "expected 1 row x y width height score, found 2 rows" in text


@pytest.mark.parametrize("text", [PARADE, "a\n0\n", "a\n1\n-1 2.5 3 4 5"])
def test_recognised_by_the_first_lines(text, tmp_path):
    assert WIDER.recognises(source(text))
    (tmp_path / "a.txt").write_text(text)
    assert detect(tmp_path / "a.txt") == "wider"


@pytest.mark.parametrize(
    "text",
    ["", "a", "a\n1\n", "a\n0\n1 2 3 4 5\n", "a\n1\n1 2 3 4\n", "a\n1\n1 2 3 4 0 0 0 0 0 0\n", "5\n1\n1 2 3 4 5\n",
     "a\nb\n1 2 3 4 5\n", "IMG_1 2\nIMG_2 3\n", "image,x,y\n1,2,3\n", "{}\n"],
)  # fmt: skip
def test_other_files_are_left_to_others(text):
    assert not WIDER.recognises(source(text))


def read_both(data):
    WIDER.recognises(source(data))
    for kind in ("predictions", "annotations"):
        only_our_errors(getattr(WIDER, f"read_{kind}"), source(data))


@quick
@given(data=mutated(PARADE.encode()) | st.binary(max_size=60))
def test_damaged_files(data):
    read_both(data)


CELLS = st.sampled_from(["a", "1", "2.5", "nan", "1e999", "1e300", "-1e300", "1_0", "\u0661", "-3", "0", "1" * 400])


@quick
@given(lines=st.lists(st.lists(CELLS, min_size=4, max_size=6), max_size=3), count=CELLS)
def test_random_cells(lines, count):
    read_both("\n".join(["a", count, *map(" ".join, lines)]).encode())
