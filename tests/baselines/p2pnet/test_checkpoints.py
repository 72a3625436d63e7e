"""Checkpoints of this baseline: they are read as they were written, and errors name the values that do not fit."""

import json
import os

import pytest

pytest.importorskip("torch")

import torch
from safetensors.torch import save_file

from baselines.p2pnet import P2PNet, load_checkpoint
from baselines.p2pnet.checkpoints import Record, read_record, save_checkpoint, versions
from baselines.p2pnet.models import load_model
from crowdeval.errors import InputError, MissingFileError, UsageError

from . import crowd

thin = crowd.thin


@pytest.fixture
def model():
    torch.manual_seed(0)
    return P2PNet(crowd.config(rows=3, lines=2, stride=4, layout="center"))


@pytest.fixture
def record(model):
    return Record(
        config=model.config,
        step=120,
        selected_on="12 of the 40 images of list.txt, seed 0",
        selected_by={"nAP": 0.5, "MAE": 3.25, "step": 120},
        trained_on={"source": "list.txt", "images": 28, "points": 300, "fingerprint": "abc"},
        origin={"trunk": "random", "missing": ["stages.0.0.weight"], "unused": []},
        versions=versions(),
    )


@pytest.fixture
def file(model, record, tmp_path):
    save_checkpoint(tmp_path / "best.safetensors", model.state_dict(), record)
    return tmp_path / "best.safetensors"


def rewritten(file, change):
    """Write the file again with other weights or another header, in the same format."""
    state = load_checkpoint(file)[0].state_dict()
    content = json.loads(file.with_suffix(".json").read_text())
    change(state, content)
    save_file(state, file, metadata={"crowdeval": json.dumps(content)})
    return file


def test_weights_come_back_bit_by_bit(model, file):
    found, expected = load_checkpoint(file)[0].state_dict(), model.state_dict()
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[key], value) and found[key].dtype == value.dtype for key, value in expected.items())


def test_the_record_comes_back(record, file):
    assert load_checkpoint(file)[1] == record
    assert read_record(file) == record


def test_the_model_comes_ready_to_predict(model, file):
    images = torch.randn(1, 3, 32, 48, generator=torch.Generator().manual_seed(0))
    loaded = load_checkpoint(file)[0]
    assert not loaded.training
    with torch.no_grad():
        assert torch.equal(loaded(images).points, model.eval()(images).points)


def test_the_json_beside_it_is_the_record_for_people(file):
    assert sorted(os.listdir(file.parent)) == ["best.json", "best.safetensors"]
    content = json.loads((file.parent / "best.json").read_text())
    assert content["format"] == "crowdeval-p2pnet@1"
    assert content["config"]["rows"] == 3
    assert content["config"]["layout"] == "center"
    assert content["normalization"] == {
        "range": "RGB / 255",
        "mean": [0.485, 0.456, 0.406],
        "std": [0.229, 0.224, 0.225],
    }
    assert content["selected_on"] == "12 of the 40 images of list.txt, seed 0"
    assert content["selected_by"] == {"nAP": 0.5, "MAE": 3.25, "step": 120}
    assert sorted(content["versions"]) == ["crowdeval", "scipy", "torch", "torchvision"]


def test_a_checkpoint_does_not_need_the_json_beside_it(record, file):
    file.with_suffix(".json").unlink()
    assert load_checkpoint(file)[1] == record


def test_weights_in_channels_last_are_the_same_weights(model, record, tmp_path):
    model.to(memory_format=torch.channels_last)
    save_checkpoint(tmp_path / "last.safetensors", model.state_dict(), record)
    loaded = load_checkpoint(tmp_path / "last.safetensors")[0]
    assert torch.equal(loaded.neck.smooth.weight, model.neck.smooth.weight)


def test_a_file_that_is_not_there_is_reported(tmp_path):
    with pytest.raises(MissingFileError, match=r"best\.safetensors: no such checkpoint"):
        load_checkpoint(tmp_path / "best.safetensors")


@pytest.mark.parametrize("share", [0.0, 0.001, 0.1, 0.5, 0.999])
def test_a_truncated_checkpoint_is_refused(file, share):
    content = file.read_bytes()
    file.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(InputError, match=r"best\.safetensors is truncated or not a safetensors file"):
        load_checkpoint(file)


@pytest.mark.parametrize("metadata", [None, {"format": "pt"}, {"crowdeval": "{"}, {"crowdeval": "[]"}])
def test_safetensors_of_another_origin_are_refused(tmp_path, metadata):
    save_file({"weight": torch.zeros(3)}, tmp_path / "other.safetensors", metadata=metadata)
    with pytest.raises(
        InputError, match=r"other\.safetensors is not a checkpoint of this baseline: its header has no valid"
    ):
        load_checkpoint(tmp_path / "other.safetensors")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            lambda content: content.update(format="crowdeval-p2pnet@2"),
            "expected the format 'crowdeval-p2pnet@1', found ",
        ),
        (lambda content: content.pop("format"), "'format'"),
        (lambda content: content.pop("config"), "'config'"),
        (lambda content: content.pop("selected_on"), "'selected_on'"),
        (lambda content: content["config"].update(strid=4), "no value 'strid'; did you mean 'stride'"),
        (lambda content: content["config"].update(stride=5), "stride: expected 4, 8 or 16"),
        (lambda content: content["config"].update(rows="two"), "rows: expected a whole number"),
    ],
)
def test_a_damaged_record_is_refused_and_the_reason_said(file, change, words):
    rewritten(file, lambda state, content: change(content))
    with pytest.raises(InputError, match=rf"best\.safetensors is not a checkpoint of this baseline.*{words}"):
        load_checkpoint(file)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda state: state.pop("neck.top.weight"), "neck.top.weight is missing"),
        (lambda state: state.update(more=torch.zeros(1)), "more is unknown"),
        (
            lambda state: state.update({"neck.smooth.bias": torch.zeros(9)}),
            r"neck\.smooth\.bias is \(9,\), not \(8,\)",
        ),
    ],
)
def test_weights_that_do_not_fit_the_config_are_refused_by_name(file, change, words):
    rewritten(file, lambda state, content: change(state))
    with pytest.raises(InputError, match=rf"best\.safetensors does not fit its config: '{words}'"):
        load_checkpoint(file)


def test_a_config_of_other_sizes_is_refused(file):
    rewritten(file, lambda state, content: content["config"].update(width=16))
    with pytest.raises(InputError, match=r"neck\.top\.weight is \(8, 8, 1, 1\), not \(16, 8, 1, 1\)"):
        load_checkpoint(file)


def test_rows_and_lines_are_not_for_a_file_that_has_its_own(file):
    with pytest.raises(UsageError, match="has its own layout of reference points"):
        load_model(file, rows=2)
