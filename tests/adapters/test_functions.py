"""A function or an object in a file is a predictor; its wrong options end with 2."""

import sys

import numpy as np
import pytest

from crowdeval.adapters import Image, answers, load_adapter
from crowdeval.errors import UsageError

FUNCTIONS = """
import numpy as np

def batch(images, shift=0):
    return [[[image.pixels.shape[1] + shift, 1]] for image in images]

def one(image):
    return [[image.pixels.shape[1], 1]]

def of_pixels(pixels, *, scale: float = 1.0):
    return np.array([[pixels.shape[1] * scale, 1, 0.5]])

def make(file):
    raise AssertionError("a function that creates a predictor gets its options")

class Ready:
    name, revision = "ready", "1"
    def predict(self, images):
        return [[[6, 1]] for image in images]

ready = Ready()
"""


@pytest.mark.parametrize(
    ("name", "options", "x"),
    [("batch", [], 6), ("batch", ["shift=2"], 8), ("one", [], 6), ("of_pixels", ["scale=0.5"], 3), ("ready", [], 6)],
)
def test_a_function_or_an_object_of_a_file_is_a_predictor(tmp_path, monkeypatch, name, options, x):
    path = tmp_path / "functions.py"
    path.write_text(FUNCTIONS)
    monkeypatch.delitem(sys.modules, "functions", raising=False)
    predictor = load_adapter(f"{path}:{name}", options)
    [answer] = answers(predictor, [Image(id="a", pixels=np.zeros((4, 6, 3), dtype=np.uint8))])
    assert float(answer.xy[0, 0]) == x
    assert predictor.name == name
    assert len(predictor.revision) in (1, 12)


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("batch", ["shfit=2"], "did you mean 'shift'"),
        ("ready", ["a=1"], "takes no options"),
        ("make", [], "needs -o file"),
    ],
)
def test_wrong_options_of_a_function_end_with_2(tmp_path, monkeypatch, name, options, words):
    path = tmp_path / "functions.py"
    path.write_text(FUNCTIONS)
    monkeypatch.delitem(sys.modules, "functions", raising=False)
    with pytest.raises(UsageError, match=words) as caught:
        load_adapter(f"{path}:{name}", options)
    assert caught.value.exit_code == 2
