"""Validation: crowdeval's values on the images set aside, and the checkpoint that they select."""

import json
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from torch import distributed

from baselines.p2pnet import load_checkpoint
from baselines.p2pnet.devices import Processes
from baselines.p2pnet.prediction import Found
from baselines.p2pnet.samples import samples
from baselines.p2pnet.validation import gather, predict_samples, score, to_predictions

from . import crowd

thin = crowd.thin
source = crowd.source


def confident(run, confidences):
    """Return the Trainer, which sets all confidences to the n-th value after step n."""

    def talk(entry):
        if "loss" in entry:
            last = run.model.classification[-1]
            odds = confidences[entry["step"] - 1] / (1 - confidences[entry["step"] - 1])
            with torch.no_grad():
                last.weight.zero_()
                last.bias.zero_()
                last.bias[1::2] = float(np.log(odds))

    run.on_entry = talk
    return run


@pytest.mark.parametrize(("select", "step"), [("nAP", 1), ("F1@8px", 1), ("MAE", 2), ("RMSE", 2)])
def test_the_named_metric_chooses_the_checkpoint(tmp_path, source, select, step):
    run = crowd.trainer(tmp_path / "run", source, steps=2, validate_every=1, select=select)
    confident(run, [0.9, 0.01]).run()  # first all proposals count, 475 too many; then none does, 5 too few
    assert load_checkpoint(tmp_path / "run" / "best.safetensors")[1].step == step


def test_of_equal_checkpoints_the_first_is_kept(tmp_path, source):
    run = crowd.trainer(tmp_path / "run", source, steps=3, validate_every=1)
    confident(run, [0.01, 0.01, 0.01]).run()
    assert [entry["best"] for entry in crowd.validations_in(tmp_path / "run")] == [True, False, False]
    assert load_checkpoint(tmp_path / "run" / "best.safetensors")[1].step == 1


def test_the_last_checkpoint_is_the_last_whatever_its_metrics(tmp_path, source):
    run = crowd.trainer(tmp_path / "run", source, steps=2, validate_every=1)
    confident(run, [0.9, 0.01]).run()
    assert load_checkpoint(tmp_path / "run" / "last.safetensors")[1].step == 2


def test_the_best_checkpoint_gives_the_metrics_that_chose_it(tmp_path, source):
    run = crowd.train(tmp_path / "run", source, steps=40, validate_every=10)
    model, record = load_checkpoint(tmp_path / "run" / "best.safetensors")
    values = score(run.validation, predict_samples(model, run.validation)).values
    [logged] = [each for each in crowd.validations_in(tmp_path / "run") if each["step"] == record.step]
    assert {**logged["validation"], "step": record.step} == record.selected_by
    for name in ("nAP", "MAE", "RMSE", "F1@4px", "F1@8px"):
        assert values[name] == pytest.approx(record.selected_by[name], rel=1e-4)


def test_the_log_has_the_papers_metrics(tmp_path, source):
    crowd.train(tmp_path / "run", source, steps=1)
    [entry] = crowd.validations_in(tmp_path / "run")
    assert {"nAP", "nAP@0.05", "nAP@0.25", "nAP@0.5", "MAE", "RMSE", "F1@4px", "F1@8px"} <= set(entry["validation"])


@pytest.fixture
def three(tmp_path):
    """Three images with none, one and two heads at (10, 10), (30, 10)."""
    folder = tmp_path / "three"
    folder.mkdir()
    for index in range(3):
        crowd.Image.new("RGB", (64, 48)).save(folder / f"{index}.png")
        (folder / f"{index}.txt").write_text("".join(f"{10 + 20 * head} 10\n" for head in range(index)))
    (folder / "list.txt").write_text("".join(f"{index}.png {index}.txt\n" for index in range(3)))
    return samples(str(folder / "list.txt"))


NOTHING = Found(np.zeros((0, 2)), np.zeros(0))


def test_counts_are_taken_at_the_threshold_and_precision_over_the_tail(three):
    found = [
        NOTHING,
        Found(np.array([[10.0, 10.0]]), np.array([0.4])),
        Found(np.array([[10.0, 13.0], [30.0, 10.0], [50.0, 40.0]]), np.array([0.9, 0.6, 0.55])),
    ]
    values = score(three, found).values
    assert values["MAE"] == pytest.approx(2 / 3)  # errors 0, -1, 1
    assert values["RMSE"] == pytest.approx((2 / 3) ** 0.5)
    assert values["bias"] == pytest.approx(0)
    assert score(three, found, threshold=0.35).values["MAE"] == pytest.approx(1 / 3)
    assert values["nAP@0.5"] > values["nAP@0.05"] > 0


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5])
def test_what_processes_found_is_put_in_the_order_of_the_images(monkeypatch, number):
    images = [Found(np.full((1, 2), float(index)), np.ones(1)) for index in range(number)]
    shares = [images[rank::3] for rank in range(3)]
    monkeypatch.setattr(distributed, "all_gather_object", lambda parts, mine: parts.__setitem__(slice(None), shares))
    everything = gather(shares[0], Processes(rank=0, world=3))
    assert [each.points[0, 0] for each in everything] == list(range(number))
    assert gather(images, Processes()) == images


def test_one_of_two_processes_looks_at_every_second_image(tmp_path, source):
    run = crowd.trainer(tmp_path / "run", source)
    seen = []
    predict_samples(run.model.eval(), run.train, processes=Processes(rank=1, world=2), progress=seen.append)
    assert seen == [each.id for each in run.train.items[1::2]]


def test_points_become_predictions_image_by_image():
    predictions = to_predictions(["a", "b"], [NOTHING, Found(np.array([[1.0, 2.0]]), np.array([0.5]))])
    assert predictions.image_ids == ("a", "b")
    assert predictions.offsets.tolist() == [0, 0, 1]
    assert predictions.xy.tolist() == [[1, 2]]
    assert predictions.score.tolist() == [0.5]
    assert predictions.counts is None


def test_expected_counts_are_what_is_counted(three):
    found = [replace(NOTHING, count=0.25), replace(NOTHING, count=1.0), replace(NOTHING, count=3.5)]
    values = score(three, found).values
    assert values["MAE"] == pytest.approx(1.75 / 3)
    assert values["bias"] == pytest.approx(1.75 / 3)
    assert values["nAP"] == 0


def test_a_training_is_validated_with_the_counting_of_its_config(tmp_path, source):
    crowd.train(tmp_path / "run", source, steps=20, validate_every=20, counting="expected", select="MAE")
    model, record = load_checkpoint(tmp_path / "run" / "best.safetensors")
    images = crowd.trainer(tmp_path / "other", source).validation
    expected = score(images, predict_samples(model, images)).values["MAE"]
    model.config = model.config.with_values({"counting": "threshold"})
    by_threshold = score(images, predict_samples(model, images)).values["MAE"]
    assert record.selected_by["MAE"] == pytest.approx(expected, rel=1e-4)
    assert abs(expected - by_threshold) > 0.1


def test_what_chose_a_checkpoint_stands_in_the_file_beside_it(tmp_path, source):
    crowd.train(tmp_path / "run", source, steps=1)
    content = json.loads((tmp_path / "run" / "best.json").read_text())
    assert content["selected_on"] == f"2 of the 8 images of {source}, seed 0"
    assert content["selected_by"]["step"] == 1
