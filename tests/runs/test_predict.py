"""A predictor on a dataset from Python: functions, objects and names; resumed only where it is known to be the same."""

import numpy as np
import pytest
from PIL import Image

from crowdeval import Protocol, build_leaderboard, open_dataset, run_predictor
from crowdeval.adapters.frames import Frames
from crowdeval.errors import PredictorError, UsageError


@pytest.fixture
def photos(tmp_path):
    for name, side in (("a", 8), ("b", 16)):
        Image.new("RGB", (side, side)).save(tmp_path / f"{name}.png")
    (tmp_path / "points.json").write_text('{"a": [[4, 4], [7, 7]], "b": [[8, 8]]}')
    return f"folder:{tmp_path}"


CALLS: list[int] = []


def middle(pixels, shift=0.0):
    CALLS.append(len(pixels))
    return [[pixels.shape[1] / 2 + shift, pixels.shape[0] / 2, 0.9]]


class Corner:
    name, revision = "corner", "7"

    def predict(self, images):
        return [np.array([[1.0, 1.0]]) for _ in images]


def test_a_function_with_a_revision_is_resumed_and_one_without_is_run_anew(photos, tmp_path):
    runs = tmp_path / "runs"
    CALLS.clear()
    report = run_predictor(middle, photos, runs, revision="w1")
    assert (report["MAE"], report.about["model"], CALLS) == (0.5, "middle", [8, 16])
    assert run_predictor(middle, photos, runs, revision="w1").values == report.values
    assert len(CALLS) == 2
    run_predictor(middle, photos, runs, revision="w2", options={"shift": 1.0})
    assert len(CALLS) == 4
    for _ in range(2):
        run_predictor(middle, photos, runs)
    assert len(CALLS) == 8


def test_objects_names_splits_and_protocols(photos, tmp_path):
    split = open_dataset(photos)
    report = run_predictor(Corner(), split, tmp_path / "runs", protocol="nwpu", frames=Frames(flip=False))
    assert (report.about["model"], report.about["revision"], report.protocol.preset) == ("corner", "7", "nwpu")
    named = run_predictor(middle, photos, tmp_path / "runs", name="centre", protocol=Protocol(metrics=["MAE"]))
    assert named.about["model"] == "centre"
    (tmp_path / "mine.py").write_text("def detect(image):\n    return [[4.0, 4.0]]\n")
    by_name = run_predictor(f"{tmp_path / 'mine.py'}:detect", photos, tmp_path / "runs")
    assert by_name["MAE"] == 0.5
    board = build_leaderboard(tmp_path / "runs")
    assert {row.result.model for ranking in board.rankings for row in ranking.rows} == {"corner", "centre", "detect"}


def test_what_is_wrong_is_named(photos, tmp_path):
    runs = tmp_path / "runs"

    def broken(image):
        if image.id == "b":
            raise RuntimeError("no memory")
        return []

    with pytest.raises(PredictorError, match=r"1 of 2 images failed(.|\n)*no memory(.|\n)*tries them again"):
        run_predictor(broken, photos, runs)
    with pytest.raises(UsageError, match="name and revision are for functions"):
        run_predictor(Corner(), photos, runs, name="x")
    with pytest.raises(UsageError, match="there already"):
        run_predictor(Corner(), photos, runs, options={"a": 1})
    with pytest.raises(UsageError, match="expected the name of an adapter"):
        run_predictor(Corner, photos, runs)
    with pytest.raises(UsageError, match="did you mean 'shift'"):
        run_predictor(middle, photos, runs, options={"shfit": 1})
    with pytest.raises(UsageError, match="no preset"):
        run_predictor(middle, photos, runs, protocol="none-such")
    (tmp_path / "points.json").unlink()
    with pytest.raises(UsageError, match="has no points to score against"):
        run_predictor(middle, str(tmp_path), runs)
    assert not list(runs.rglob("report*"))
