"""The errors for an object that is not a predictor, and for an answer that is not a prediction."""

import sys

import numpy as np
import pytest

from crowdeval.adapters import Image, answers, load_adapter
from crowdeval.errors import MissingFileError, PredictorError, UsageError

IMAGES = [Image(id=name, pixels=np.zeros((4, 6, 3), dtype=np.uint8)) for name in ("a", "b")]


class Fixed:
    """A predictor with fixed answers."""

    name, revision = "model", "1"

    def __init__(self, *raw_answers):
        self.raw_answers = raw_answers

    def predict(self, images):
        return self.raw_answers


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ([[1, float("nan")]], "points: expected finite coordinates"),
        ([[1, float("inf")]], "points: expected finite coordinates"),
        ([[1, 2, 3]], r"points: expected points of shape \(N, 2\), found \(1, 3\)"),
        (np.zeros(4), r"points: expected points of shape \(N, 2\), found \(4,\)"),
        ([["x", "y"]], "points: expected numbers"),
        ([[1, 2], [3]], "points: expected numbers in a rectangular array"),
        (([[1, 2]], [0.5, 0.6]), r"scores: expected shape \(1,\), found \(2,\)"),
        (([[1, 2]], [float("nan")]), "scores: expected finite numbers"),
        ({"scores": [1]}, "found scores only"),
        ({"points": [[1, 2]], "confidences": [1]}, "no key 'confidences'"),
        ({"count": "many"}, "count: expected a number"),
        ({}, "found neither points nor a count"),
        (None, "expected points, found nothing"),
    ],
)
def test_an_answer_that_is_no_prediction_is_named_with_adapter_and_image(raw, words):
    with pytest.raises(PredictorError, match=f"model@1, image 'b': .*{words}") as problem:
        answers(Fixed([[1, 2]], raw), IMAGES)
    assert problem.value.exit_code == 5


@pytest.mark.parametrize("number", [0, 1, 3])
def test_too_few_or_too_many_answers_are_reported(number):
    with pytest.raises(PredictorError, match=f"image 'a', 'b': expected 2 answers, found {number}"):
        answers(Fixed(*[[[1, 2]]] * number), IMAGES)


def test_an_exception_of_the_predictor_is_reported_with_its_type():
    class Raises(Fixed):
        def predict(self, images):
            raise ValueError("out of memory")

    with pytest.raises(PredictorError, match="model@1, image 'a': ValueError: out of memory"):
        answers(Raises(), IMAGES[:1])


@pytest.fixture
def file(tmp_path, monkeypatch):
    """Return a function that writes a file with a class and returns the class's place."""

    def write(text, name="theirs"):
        path = tmp_path / f"{name}.py"
        path.write_text(text)
        monkeypatch.delitem(sys.modules, name, raising=False)
        return f"{path}:Theirs"

    yield write
    sys.modules.pop("theirs", None)


THEIRS = """
class Theirs:
    name, revision = "theirs", "1"
    def __init__(self, *, side: int = 3, smooth: bool = False):
        self.side = side
    def predict(self, images):
        return [[[self.side, self.side]] for image in images]
"""


def test_a_class_in_a_file_is_a_predictor_with_options(file):
    [answer] = answers(load_adapter(file(THEIRS), ["side=5"]), IMAGES[:1])
    assert answer.xy.tolist() == [[5, 5]]


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("sid=5", "no option 'sid'; did you mean 'side'"),
        ("side=wide", "-o side=wide: expected a whole number"),
        ("smooth=maybe", "expected true or false"),
        ("side", "expected -o key=value"),
    ],
)
def test_options_are_checked_against_the_signature(file, option, words):
    with pytest.raises(UsageError, match=words):
        load_adapter(file(THEIRS), [option])


def test_a_class_that_can_not_be_created_is_reported(file):
    place = file("class Theirs:\n    def __init__(self):\n        raise OSError('no checkpoint')")
    with pytest.raises(PredictorError, match="can't be created: OSError: no checkpoint"):
        load_adapter(place)


def test_a_file_that_fails_on_import_is_reported(file):
    with pytest.raises(PredictorError, match=r"theirs\.py fails on import: ZeroDivisionError"):
        load_adapter(file("1 / 0"))


def test_a_file_that_is_not_there_is_reported(tmp_path):
    with pytest.raises(MissingFileError, match="there is no file"):
        load_adapter(f"{tmp_path}/nope.py:Theirs")


def test_a_file_without_the_class_is_reported(file):
    with pytest.raises(UsageError, match="has no 'Theirs'"):
        load_adapter(file("class Other: pass"))


def test_an_unknown_adapter_gets_suggestions():
    with pytest.raises(UsageError, match="no adapter is called 'yunnet'; did you mean 'yunet'"):
        load_adapter("yunnet")


def test_a_package_that_is_not_installed_is_reported_with_the_command_that_installs_it(monkeypatch, tmp_path):
    model = tmp_path / "model.onnx"
    model.write_bytes(b"x")
    monkeypatch.setattr("crowdeval.adapters.packages.is_installed", lambda name: False)
    with pytest.raises(PredictorError, match=r"onnxruntime isn't installed; pip install '\.\[onnx\]'"):
        load_adapter("onnx", [f"file={model}"]).open()
