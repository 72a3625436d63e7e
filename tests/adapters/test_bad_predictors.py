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


class Unreadable:
    """A tensor on a GPU, as NumPy sees it."""

    shape, ndim, size = (1, 2), 2, 2

    def __array__(self, *args, **options):
        raise TypeError("can't convert cuda:0 device type tensor to numpy")


class Detections:
    """Detections of Supervision."""

    xyxy, confidence, class_id = np.array([[0.0, 0, 2, 4]]), np.array([0.5]), np.array([0])


@pytest.mark.parametrize(
    ("raw", "points", "scores", "count"),
    [
        ([[1, 2, 0.5], [3, 4, 0.6]], [[1, 2], [3, 4]], [0.5, 0.6], None),
        (np.array([[1, 2, 0.5]]), [[1, 2]], [0.5], None),
        ([], [], None, None),
        (([], []), [], [], None),
        (([[1, 2]], [0.5], [7]), [[1, 2]], [0.5], None),
        ({"boxes": [[0, 0, 2, 4]], "scores": [0.5], "labels": [1]}, [[1, 2]], [0.5], None),
        ({"points": [[1, 2]], "confidences": [0.5], "count": 3.5}, [[1, 2]], [0.5], 3.5),
        (Detections(), [[1, 2]], [0.5], None),
        ({"density": np.full((2, 2), 0.25)}, None, None, 1.0),
        ({"density": [[0.5]], "points": [[1, 2]]}, [[1, 2]], None, 0.5),
        (7, None, None, 7.0),
    ],
)
def test_answers_of_many_forms(raw, points, scores, count):
    [answer] = answers(Fixed(raw), IMAGES[:1])
    assert (None if answer.xy is None else answer.xy.tolist()) == points
    assert (None if answer.score is None else answer.score.tolist()) == scores
    assert answer.count == count


def test_answers_of_tensors_and_data_frames():
    torch, pd = pytest.importorskip("torch"), pytest.importorskip("pandas")
    points, scores = torch.tensor([[1.0, 2]], requires_grad=True), torch.tensor([0.5])
    forms = [
        (points, scores),
        (points.bfloat16(), scores.bfloat16()),
        torch.tensor([[1.0, 2, 0.5]]),
        torch.tensor([[1.0, 2, 0.5]]).to_sparse(),
        pd.DataFrame({"y": [2.0], "x": [1.0], "conf": [0.5]}),
    ]
    for form in forms:
        [answer] = answers(Fixed(form), IMAGES[:1])
        assert (answer.xy.tolist(), answer.score.tolist()) == ([[1, 2]], [0.5])
    with pytest.raises(PredictorError, match=r"image 'a'.*meta"):
        answers(Fixed((torch.ones(1, 2, device="meta"), scores)), IMAGES[:1])


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ([[1, float("nan")]], "points: expected finite coordinates"),
        ([[1, float("inf")]], "points: expected finite coordinates"),
        ([[1, 2, 3, 4]], r"expected points of shape \(N, 2\), or \(N, 3\) with confidences, found \(1, 4\)"),
        (np.zeros(4), r"expected points of shape \(N, 2\), or \(N, 3\) with confidences, found \(4,\)"),
        ([["x", "y"]], "points: expected numbers"),
        ([[1, 2], [3]], "points: expected numbers in a rectangular array"),
        (([[1, 2]], [0.5, 0.6]), "expected 1 scores, one for each point, found 2"),
        (([[1, 2]], [float("nan")]), "scores: expected finite numbers"),
        ([[1, 2, float("nan")]], "scores: expected finite numbers"),
        ({"scores": [1]}, "expected points, boxes or a count, found none of them"),
        ({"points": [[1, 2]], "certainty": [1]}, "expected the keys .*found 'certainty'"),
        ({"points": [[1, 2]], "width": 5, "height": 6}, "an answer has no size"),
        ({"boxes": [[1, 2, 3]]}, r"boxes of shape \(N, 4\)"),
        ({"boxes": [[1, 2, 3, 4]] * 2, "labels": [0, 1]}, "expected points of one class, found '0', '1'"),
        ({"density": [[1, float("nan")]]}, "density: expected finite numbers"),
        ({"count": "many"}, "count: expected numbers"),
        ({"count": -1}, "count: expected a number from 0"),
        ({}, "expected points, boxes or a count, found none of them"),
        (Unreadable(), "can't convert cuda:0 device type tensor"),
        (None, "expected points, found nothing"),
    ],
)
def test_an_answer_that_is_no_prediction_is_named_with_adapter_and_image(raw, words):
    with pytest.raises(PredictorError, match=f"(?s)model@1, image 'b'.*{words}") as problem:
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

    words = r"model@1, image 'a': ValueError: out of memory \(test_bad_predictors.py, line \d+: raise ValueError"
    with pytest.raises(PredictorError, match=words) as caught:
        answers(Raises(), IMAGES[:1])
    assert caught.value.trace.startswith("Traceback (most recent call last)")


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
    with pytest.raises(UsageError, match="has no class or function 'Theirs'"):
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
