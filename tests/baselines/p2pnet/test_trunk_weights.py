"""Files of trunk weights: accepted keys, listed keys, and refused files."""

import pickle

import pytest

pytest.importorskip("torch")

import torch
import torchvision
from oracles import p2pnet as oracle
from safetensors.torch import save_file

from baselines.p2pnet.trunk_weights import fill_trunk
from baselines.p2pnet.trunks import build_trunk
from baselines.p2pnet.weight_files import read_tensors
from crowdeval.errors import InputError, MissingFileError, UsageError

SLICES = {"slice1": range(12), "slice2": range(12, 19), "slice3": range(19, 29), "slice4": range(29, 39)}
"""torchvision's indices in the four parts of a text detector's trunk; convolution 40 is in none of them."""


@pytest.fixture
def trunk():
    torch.manual_seed(1)
    return oracle.thin_trunk()


@pytest.fixture(scope="module")
def weights():
    """Weights of the thin trunk under torchvision's keys."""
    torch.manual_seed(2)
    other = oracle.thin_trunk()
    for value in other.state_dict().values():
        value.copy_(torch.rand(value.shape) if value.is_floating_point() else value)
    return {f"features.{key.split('.', 2)[2]}": value.clone() for key, value in other.state_dict().items()}


def saved(path, state):
    torch.save(state, path)
    return str(path)


def assert_holds(trunk, weights, indices=range(43)):
    """Assert that the trunk's layers of these indices have the weights, and that there are some."""
    compared = 0
    for key, value in trunk.state_dict().items():
        name = key.split(".", 2)[2]
        if int(name.split(".")[0]) in indices and "num_batches" not in name:
            assert torch.equal(value, weights[f"features.{name}"]), key
            compared += 1
    assert compared > 0


def test_torchvisions_keys_fill_the_trunk(trunk, weights, tmp_path):
    filled = fill_trunk(trunk, saved(tmp_path / "vgg.pth", weights), "vgg16_bn")
    assert_holds(trunk, weights)
    assert filled.source == "vgg.pth"
    assert len(filled.given) == 13 * 6
    assert filled.missing == ()


def test_what_the_trunk_does_not_have_is_listed_as_unused(trunk, weights, tmp_path):
    state = {**weights, "classifier.0.weight": torch.zeros(2, 2), "classifier.0.bias": torch.zeros(2)}
    filled = fill_trunk(trunk, saved(tmp_path / "vgg.pth", state), "vgg16_bn")
    assert_holds(trunk, weights)
    assert list(filled.unused) == ["classifier.0.weight", "classifier.0.bias"]


def test_a_text_detectors_keys_fill_twelve_convolutions_and_the_thirteenth_is_listed_as_missing(
    trunk, weights, tmp_path
):
    before = {key: value.clone() for key, value in trunk.state_dict().items()}
    state = {
        f"module.basenet.{part}.{key.removeprefix('features.')}": value
        for part, indices in SLICES.items()
        for key, value in weights.items()
        if int(key.split(".")[1]) in indices
    }
    state |= {"module.basenet.slice5.1.weight": torch.zeros(4, 4, 3, 3), "module.conv_cls.0.weight": torch.zeros(1)}
    filled = fill_trunk(trunk, saved(tmp_path / "text.pth", state), "vgg16_bn")
    assert_holds(trunk, weights, range(39))
    assert len(filled.given) == 12 * 6
    assert filled.missing == (
        "stages.2.40.weight",
        "stages.2.40.bias",
        "stages.2.41.weight",
        "stages.2.41.bias",
        "stages.2.41.running_mean",
        "stages.2.41.running_var",
    )
    assert all(torch.equal(trunk.state_dict()[key], before[key]) for key in filled.missing)
    rest = list(filled.unused)
    assert rest == ["module.basenet.slice5.1.weight", "module.conv_cls.0.weight"]


@pytest.mark.parametrize("prefix", ["", "module.", "module.features.", "backbone."])
def test_other_names_before_the_index_are_the_same_layer(trunk, weights, tmp_path, prefix):
    state = {prefix + key.removeprefix("features."): value for key, value in weights.items()}
    assert fill_trunk(trunk, saved(tmp_path / "vgg.pth", state), "vgg16_bn").missing == ()
    assert_holds(trunk, weights)


@pytest.mark.parametrize("name", ["model", "state_dict"])
def test_weights_inside_a_checkpoint_are_found(trunk, weights, tmp_path, name):
    fill_trunk(trunk, saved(tmp_path / "vgg.pth", {name: weights, "epoch": 3}), "vgg16_bn")
    assert_holds(trunk, weights)


@pytest.mark.parametrize(
    ("backbone", "parts", "first_unused"),
    [
        ("resnet50", "layer1.0.conv1.weight", "layer4."),
        ("mobilenet_v3_large", "features.4.block.0.0.weight", "features.13."),
    ],
)
def test_torchvisions_keys_fill_the_other_trunks_layer_by_layer(tmp_path, backbone, parts, first_unused):
    """Each layer gets the values of its own name; their number and their mean differ between layers."""
    there = torchvision.models.get_model(backbone, weights=None).state_dict()
    trunk = build_trunk(backbone)
    filled = fill_trunk(trunk, saved(tmp_path / "net.pth", there), backbone)
    assert filled.missing == ()
    assert filled.unused[0].startswith(first_unused)
    held = [value for key, value in there.items() if key not in filled.unused and "num_batches" not in key]
    ours = [trunk.state_dict()[key] for key in filled.given]
    assert len(held) == len(ours) > 100
    assert all(torch.equal(a, b) for a, b in zip(ours, held, strict=True))
    assert any(torch.equal(there[parts], each) for each in ours)


def test_a_safetensors_file_is_read(trunk, weights, tmp_path):
    save_file(weights, tmp_path / "vgg.safetensors")
    fill_trunk(trunk, str(tmp_path / "vgg.safetensors"), "vgg16_bn")
    assert_holds(trunk, weights)


def test_none_leaves_the_trunk_and_lists_all_as_missing(trunk):
    before = {key: value.clone() for key, value in trunk.state_dict().items()}
    filled = fill_trunk(trunk, "none", "vgg16_bn")
    assert all(torch.equal(value, before[key]) for key, value in trunk.state_dict().items())
    assert (filled.given, len(filled.missing)) == ((), 13 * 6)


def test_weights_of_another_shape_are_refused_and_the_trunk_is_as_it_was(trunk, weights, tmp_path):
    before = {key: value.clone() for key, value in trunk.state_dict().items()}
    state = {**weights, "features.40.weight": torch.zeros(8, 8, 5, 5)}
    with pytest.raises(InputError) as caught:
        fill_trunk(trunk, saved(tmp_path / "vgg.pth", state), "vgg16_bn")
    assert str(caught.value) == "vgg.pth: features.40.weight: expected (8, 8, 3, 3), found (8, 8, 5, 5)"
    assert all(torch.equal(value, before[key]) for key, value in trunk.state_dict().items())


def test_a_file_with_no_layer_of_the_trunk_is_refused_with_its_first_keys(trunk, tmp_path):
    path = saved(tmp_path / "other.pth", {"encoder.weight": torch.zeros(1)})
    with pytest.raises(InputError, match=r"^other\.pth has none of the trunk's layers .*encoder\.weight"):
        fill_trunk(trunk, path, "vgg16_bn")


class Creates:
    """An object whose pickle creates a file when it is loaded."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


@pytest.mark.parametrize("zipped", [True, False])
def test_a_pickle_with_code_is_refused_and_its_code_does_not_run(weights, tmp_path, zipped):
    state = {**weights, "extra": Creates(tmp_path / "made")}
    path = tmp_path / "bad.pth"
    torch.save(state, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(InputError, match=r"bad\.pth: expected weights only, found code that would be run"):
        read_tensors(path)
    assert not (tmp_path / "made").exists()
    torch.load(path, weights_only=False)["extra"].close()
    assert (tmp_path / "made").exists(), "the pickle does nothing, so the test shows nothing"


def test_a_plain_pickle_with_code_is_refused_and_its_code_does_not_run(tmp_path):
    path = tmp_path / "bad.pth"
    path.write_bytes(pickle.dumps({"features.0.weight": Creates(tmp_path / "made")}, protocol=2))
    with pytest.raises(InputError, match=r"bad\.pth"):
        read_tensors(path)
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_truncated_file_is_refused(weights, tmp_path, suffix, share):
    path = tmp_path / f"cut{suffix}"
    torch.save(weights, path) if suffix == ".pth" else save_file(weights, path)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(InputError, match=rf"cut\{suffix} is (truncated|not )"):
        read_tensors(path)


@pytest.mark.parametrize("content", [b"hello\n", b"PK\x03\x04" + bytes(100), b"\x80\x02N.", bytes(1000)])
def test_a_file_that_holds_no_weights_is_refused(tmp_path, content):
    path = tmp_path / "text.pth"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"text\.pth"):
        read_tensors(path)


@pytest.mark.parametrize("content", [3, [torch.zeros(1)], {"epoch": 3}, {"model": {"epoch": 3}}])
def test_what_is_no_state_dict_is_refused(tmp_path, content):
    with pytest.raises(InputError, match=r"other\.pth: expected only tensors by name \(a state_dict\), found "):
        read_tensors(type(tmp_path)(saved(tmp_path / "other.pth", content)))


def test_a_file_that_is_not_there_is_missing(tmp_path):
    with pytest.raises(MissingFileError, match="no such weights file"):
        read_tensors(tmp_path / "vgg.pth")


def test_imagenets_weights_that_can_not_be_had_name_the_way_out(trunk, monkeypatch):
    def offline(*args, **options):
        raise OSError("no route to host")

    monkeypatch.setattr("torch.hub.load_state_dict_from_url", offline)
    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", offline)
    with pytest.raises(
        UsageError, match=r"vgg16_bn are not available \(no route to host\); give a file with -s backbone_weights="
    ):
        fill_trunk(trunk, "imagenet", "vgg16_bn")
