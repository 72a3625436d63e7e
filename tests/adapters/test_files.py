"""Each file with a predictor is a module of its own, which dataclasses, pickle and other processes find."""

import multiprocessing
import pickle
import sys

import numpy as np
import pytest

from crowdeval.adapters import Image, answers, load_adapter
from crowdeval.errors import PredictorError

MODEL = """
import multiprocessing
from dataclasses import dataclass

@dataclass
class Point:
    x: float
    y: float = {y}

class Model:
    name, revision = "model", "1"

    def predict(self, images):
        with multiprocessing.get_context("fork").Pool(1) as pool:
            points = pool.map(Point, [1.0])
        assert type(points[0]) is Point
        return [[[each.x, each.y] for each in points] for image in images]
"""
IMAGES = [Image(id="a", pixels=np.zeros((4, 6, 3), dtype=np.uint8))]


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Return a function that writes a file and returns the place of its class Model; the modules are forgotten."""
    monkeypatch.setattr("crowdeval.adapters._FILES", {})
    known = set(sys.modules)

    def write(name, text):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return f"{path}:Model"

    yield write
    for name in set(sys.modules) - known:
        del sys.modules[name]


def test_two_files_of_one_stem_are_two_modules(write):
    places = [write("a/pred_model.py", MODEL.format(y=2)), write("b/pred_model.py", MODEL.format(y=5))]
    models = [load_adapter(place) for place in places]
    models += [load_adapter(places[0])]
    for model, y in zip(models, (2, 5, 2), strict=True):
        [answer] = answers(model, IMAGES)
        assert answer.xy.tolist() == [[1, y]]
    for model in models[1:]:
        kind = type(model)
        assert getattr(sys.modules[kind.__module__], "Model") is kind  # noqa: B009
        assert type(pickle.loads(pickle.dumps(model))) is kind
    assert type(models[0]).__module__ == "pred_model"
    assert type(models[1]).__module__ != "pred_model"


def test_a_file_with_the_name_of_a_module_leaves_that_module(write):
    import json

    model = load_adapter(write("json.py", MODEL.format(y=3)))
    assert sys.modules["json"] is json
    [answer] = answers(model, IMAGES)
    assert answer.xy.tolist() == [[1, 3]]
    assert type(pickle.loads(pickle.dumps(model))) is type(model)


def test_a_file_that_is_loaded_again_is_the_newest(write):
    write("pred_again.py", MODEL.format(y=1))
    first = load_adapter(write("pred_again.py", MODEL.format(y=1)))
    second = load_adapter(write("pred_again.py", MODEL.format(y=4)))
    assert type(first).__module__ == type(second).__module__ == "pred_again"
    assert type(pickle.loads(pickle.dumps(second))) is type(second)


def test_a_file_that_fails_on_import_leaves_no_module(write):
    with pytest.raises(PredictorError, match="fails on import"):
        load_adapter(write("pred_broken.py", "1 / 0"))
    assert "pred_broken" not in sys.modules
    load_adapter(write("pred_broken.py", MODEL.format(y=1)))
    with pytest.raises(PredictorError, match="fails on import"):
        load_adapter(write("pred_broken.py", "1 / 0"))
    assert sys.modules["pred_broken"].Model


def test_a_file_imports_its_neighbours_where_the_path_has_its_folder(write, monkeypatch, tmp_path):
    write("c/pred_helper.py", "Y = 7.0")
    place = write("c/pred_user.py", "from pred_helper import Y\n" + MODEL.format(y="Y"))
    monkeypatch.syspath_prepend(tmp_path / "c")
    [answer] = answers(load_adapter(place), IMAGES)
    assert answer.xy.tolist() == [[1, 7]]


def test_processes_can_fork_here():
    assert "fork" in multiprocessing.get_all_start_methods()
