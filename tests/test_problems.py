"""Equal problems of a file are one line of the message, with their places and their count."""

import copy
import pickle

import pytest

from crowdeval.errors import FormatError, Problem, Problems
from crowdeval.formats import FORMATS, Source


def message(*places, **fields):
    """The text of problems that differ only in these places, without the name of the file and their number."""
    problems = Problems("file")
    for place in places:
        problems.add("a number", "'x'", **{**fields, **place})
    return str(problems.error()).partition("\n")[2].strip()


def lines(*numbers):
    return [{"line": number} for number in numbers]


def keys(*paths):
    return [{"key": path} for path in paths]


def refused(form, content, kind="annotations", name="file"):
    """The message with which a format refuses a file."""
    with pytest.raises(FormatError) as caught:
        getattr(FORMATS[form], f"read_{kind}")(Source(name, content.encode()))
    return str(caught.value)


def test_equal_problems_of_several_lines_are_one_line_of_the_message():
    assert message(*lines(3, 5, 9)) == "lines 3, 5, 9: expected a number, found 'x' (3 times)"


def test_lines_that_follow_one_another_are_a_range():
    assert message(*lines(2, 3, 4, 9, 11, 12)) == "lines 2..4, 9, 11..12: expected a number, found 'x' (6 times)"


def test_of_many_places_the_first_three_and_the_last_are_shown():
    assert message(*lines(3, 5, 9, 20, 33, 812)) == "lines 3, 5, 9 ... 812: expected a number, found 'x' (6 times)"
    assert message(*lines(3, 5, 9, 812)) == "lines 3, 5, 9, 812: expected a number, found 'x' (4 times)"


def test_the_last_range_is_shown_whole():
    assert message(*lines(1, 3, 5, 7, 9, 10, 11)) == "lines 1, 3, 5 ... 9..11: expected a number, found 'x' (7 times)"


def test_indexes_of_a_list_are_a_range_in_the_key_path():
    paths = [f"images[{i}].width" for i in range(12)]
    assert message(*keys(*paths)) == "images[0..11].width: expected a number, found 'x' (12 times)"


def test_an_inner_index_is_a_range_in_the_key_path():
    paths = [f"images[4].points[{i}][1]" for i in (0, 1, 7)]
    assert message(*keys(*paths)) == "images[4].points[0..1, 7][1]: expected a number, found 'x' (3 times)"


def test_whole_key_paths_are_listed_where_several_indexes_differ():
    paths = ["images[0].points[3][1]", "images[0].points[4][1]", "images[2].points[0][1]"]
    assert message(*keys(*paths)) == (
        "images[0].points[3..4][1]; images[2].points[0][1]: expected a number, found 'x' (3 times)"
    )


def test_lines_with_different_indexes_are_listed_with_their_key_paths():
    places = [{"line": 2, "key": "points[0]"}, {"line": 2, "key": "points[1]"}, {"line": 5, "key": "points[0]"}]
    assert message(*places) == "line 2, points[0..1]; line 5, points[0]: expected a number, found 'x' (3 times)"


def test_lines_with_the_same_key_are_a_list_of_lines():
    assert message(*lines(2, 7), key="x") == "lines 2, 7, x: expected a number, found 'x' (2 times)"


def test_numbers_of_a_key_in_words_are_ranges():
    paths = [f"number {i} of point 3" for i in (1, 2)]
    assert message(*keys(*paths), line=4) == "line 4, number 1..2 of point 3: expected a number, found 'x' (2 times)"


def test_the_one_image_of_equal_problems_is_shown_once():
    assert message(*lines(2, 3), image="a") == "lines 2..3, image 'a': expected a number, found 'x' (2 times)"


def test_the_images_of_equal_problems_are_listed():
    places = [{"line": i, "image": f"IMG_{i}"} for i in range(2, 8)]
    assert message(*places) == (
        "lines 2..7, images 'IMG_2', 'IMG_3', 'IMG_4' ... 'IMG_7': expected a number, found 'x' (6 times)"
    )


def test_image_ids_in_key_paths_are_places():
    places = [{"key": f"points.{name}[1]", "image": name} for name in ("a", "b")]
    assert message(*places) == "points.a, b[1], images 'a', 'b': expected a number, found 'x' (2 times)"


def test_a_hint_is_shown_once_before_the_count():
    assert message(*lines(2, 3), hint="use a point") == (
        "lines 2..3: expected a number, found 'x' (use a point) (2 times)"
    )


def test_a_count_has_thousands_separators():
    assert message(*lines(*range(2, 5002))) == "lines 2..5001: expected a number, found 'x' (5,000 times)"


def test_problems_without_a_place_are_counted():
    assert message({}, {}) == "expected a number, found 'x' (2 times)"


def test_problems_in_the_same_place_are_counted():
    assert message(*lines(2, 2)) == "line 2: expected a number, found 'x' (2 times)"
    assert message(*lines(2, 2, 3)) == "lines 2..3: expected a number, found 'x' (3 times)"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"line": 2}, {"line": 3, "found": "'y'"}),
        ({"line": 2}, {"line": 3, "expected": "a date"}),
        ({"line": 2}, {"line": 3, "hint": "use a point"}),
        ({"line": 2}, {"key": "images[3]"}),
        ({"line": 2}, {"line": 3, "image": "a"}),
        ({"key": "images[0].width"}, {"key": "images[1].height"}),
        ({"key": "attributes.2020"}, {"key": "attributes.2021"}),
        ({"key": "x1[0]"}, {"key": "x2[0]"}),
    ],
)
def test_different_problems_stay_apart(one, other):
    problems = Problems("file")
    for place in (one, other):
        problems.add(**{"expected": "a number", "found": "'x'", **place})
    assert str(problems.error()).count("\n") == 2
    assert "times" not in str(problems.error())


def test_different_problems_are_shown_after_any_number_of_equal_ones():
    problems = Problems("file")
    for line in range(2, 102):
        problems.add("a number", "'x'", line=line)
    problems.add("a date", "'y'", line=102)
    assert str(problems.error()) == (
        "file: 101 problems\n"
        "  lines 2..101: expected a number, found 'x' (100 times)\n"
        "  line 102: expected a date, found 'y'"
    )


def test_equal_problems_are_grouped_where_others_stand_between_them():
    problems = Problems("file")
    for line in range(2, 6):
        problems.add("a number", "'x'" if line % 2 else "'y'", line=line)
    assert str(problems.error()) == (
        "file: 4 problems\n"
        "  lines 2, 4: expected a number, found 'y' (2 times)\n"
        "  lines 3, 5: expected a number, found 'x' (2 times)"
    )


def test_twenty_different_problems_are_shown_and_the_others_counted():
    problems = Problems("file")
    for i in range(50):
        problems.add("a number", f"'{i}'", line=i)
        problems.add("a number", f"'{i}'", line=i + 100)
    shown = str(problems.error()).splitlines()
    assert len(shown) == 22
    assert shown[0] == "file: 100 problems"
    assert shown[20] == "  lines 19, 119: expected a number, found '19' (2 times)"
    assert shown[21] == "  and 60 more"


def test_the_fields_for_programs_keep_every_single_problem_up_to_twenty():
    problems = Problems("file")
    for line in range(2, 52):
        problems.add("a number", "'x'", line=line)
    error = problems.error()
    assert error.total == 50
    assert [problem.line for problem in error.problems] == list(range(2, 22))


def test_a_single_problem_is_one_line_with_the_name_of_the_file():
    error = FormatError("file", [Problem(expected="a number", found="'x'", line=3)])
    assert str(error) == "file: line 3: expected a number, found 'x'"


def test_problems_that_an_error_gets_directly_are_grouped_too():
    error = FormatError("file", [Problem(expected="a number", found="'x'", line=line) for line in range(1, 31)])
    assert str(error) == "file: 30 problems\n  lines 1..30: expected a number, found 'x' (30 times)"


@pytest.mark.parametrize("copied", [lambda error: pickle.loads(pickle.dumps(error)), copy.copy])
def test_a_copied_error_has_the_same_message(copied):
    problems = Problems("file")
    for line in range(2, 52):
        problems.add("a number", "'x'", line=line)
    assert str(copied(problems.error())) == str(problems.error())
    assert copied(problems.error()).problems == problems.error().problems


def test_equal_problems_of_a_json_file_are_grouped_by_key_path():
    images = ", ".join(f'{{"id": "{name}", "points": [], "width": 0, "height": 5}}' for name in "abcdef")
    assert refused("json", f'{{"images": [{images}]}}') == (
        "file: 6 problems\n"
        "  images[0..5].width, images 'a', 'b', 'c' ... 'f': expected a positive number, found 0 (6 times)"
    )


def test_equal_problems_of_the_short_form_are_grouped_over_images():
    short = ", ".join(f'"IMG_{i}": {{"points": []}}' for i in range(4))
    assert refused("json", f'{{"a": [], {short}}}') == (
        "file: 4 problems\n"
        "  IMG_0, IMG_1, IMG_2, IMG_3, images 'IMG_0', 'IMG_1', 'IMG_2', 'IMG_3': "
        "expected a list of points, found an object with the keys 'points' (4 times)"
    )


def test_equal_problems_of_json_lines_are_grouped_by_line():
    text = "\n".join(f'{{"id": "{name}", "points": [[1, null]]}}' for name in "abc")
    assert refused("jsonl", text) == (
        "file: 3 problems\n  lines 1..3, points[0][1], images 'a', 'b', 'c': expected a number, found null (3 times)"
    )


def test_equal_problems_of_a_csv_file_are_grouped_by_line():
    rows = "".join(f"a,{'n/a' if i % 3 == 0 else i},1\n" for i in range(60))
    assert refused("csv", f"image,x,y\n{rows}") == (
        "file: 20 problems\n  lines 2, 5, 8 ... 59: expected a number in 'x', found 'n/a' (20 times)"
    )


def test_empty_cells_of_a_csv_file_are_grouped_after_the_first_twenty():
    rows = "".join(f"IMG_{i // 10},,{i}\n" for i in range(30)) + "IMG_9,2e9,1\n"
    assert refused("csv", f"image,x,y\n{rows}") == (
        "file: 31 problems\n"
        "  lines 2..31, x, images 'IMG_0', 'IMG_1', 'IMG_2': expected a number, found an empty cell (30 times)\n"
        "  line 32, x, image 'IMG_9': expected a coordinate within 1e+09 pixels, found 2e+09"
    )


def test_equal_problems_of_nwpu_text_are_grouped_by_line():
    assert refused("nwpu", "1 1 5 x\n2 1 5 x\n3 1 5 x\n", "predictions") == (
        "file: 3 problems\n"
        "  lines 1..3, number 2 of point 1, images '1', '2', '3': expected a number, found 'x' (3 times)"
    )
