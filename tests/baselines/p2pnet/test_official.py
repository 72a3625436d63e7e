"""Generated checkpoints of the released layout: every key gets its place, and the forward pass is the same."""

import pytest

pytest.importorskip("torch")

import torch
from torch.nn.functional import batch_norm, conv2d, interpolate, max_pool2d, relu

from baselines.p2pnet import Config, P2PNet, load_official
from baselines.p2pnet.models import start_from
from crowdeval.errors import InputError, UsageError

CONVOLUTIONS = {
    "body1": [(0, 3, 64), (3, 64, 64), (7, 64, 128), (10, 128, 128)],
    "body2": [(1, 128, 256), (4, 256, 256), (7, 256, 256)],
    "body3": [(1, 256, 512), (4, 512, 512), (7, 512, 512)],
    "body4": [(1, 512, 512), (4, 512, 512), (7, 512, 512)],
}
"""The trunk's convolutions: index in their body, channels in and out; each has its batch norm at the next index."""

FEATURES = {"body1": 0, "body2": 13, "body3": 23, "body4": 33}
"""torchvision's index of a body's first layer."""

STAGE = {"body1": 0, "body2": 0, "body3": 1, "body4": 2}

NECK = {"P5_1": (512, 1), "P5_2": (256, 3), "P4_1": (512, 1), "P4_2": (256, 3), "P3_1": (256, 1), "P3_2": (256, 3)}
"""Input channels, and side of the kernel."""

OURS = {
    "fpn.P5_1": "neck.top",
    "fpn.P4_1": "neck.laterals.0",
    "fpn.P4_2": "neck.smooth",
    "regression.conv1": "regression.0",
    "regression.conv2": "regression.2",
    "regression.output": "regression.4",
    "classification.conv1": "classification.0",
    "classification.conv2": "classification.2",
    "classification.output": "classification.4",
}

DEAD = [
    *("fpn.P5_2.weight", "fpn.P5_2.bias", "fpn.P3_1.weight", "fpn.P3_1.bias", "fpn.P3_2.weight", "fpn.P3_2.bias"),
    *("regression.conv3.weight", "regression.conv3.bias", "regression.conv4.weight", "regression.conv4.bias"),
    *("classification.conv3.weight", "classification.conv3.bias"),
    *("classification.conv4.weight", "classification.conv4.bias"),
]


def shapes(K=4):
    """Return the shape of every key of the released layout."""
    found = {}
    for body, layers in CONVOLUTIONS.items():
        for index, before, after in layers:
            found[f"backbone.{body}.{index}.weight"] = (after, before, 3, 3)
            found[f"backbone.{body}.{index}.bias"] = (after,)
            for value in ("weight", "bias", "running_mean", "running_var"):
                found[f"backbone.{body}.{index + 1}.{value}"] = (after,)
            found[f"backbone.{body}.{index + 1}.num_batches_tracked"] = ()
    for head in ("regression", "classification"):
        for layer in ("conv1", "conv2", "conv3", "conv4", "output"):
            channels = 2 * K if layer == "output" else 256
            found |= {f"{head}.{layer}.weight": (channels, 256, 3, 3), f"{head}.{layer}.bias": (channels,)}
    for layer, (before, side) in NECK.items():
        found |= {f"fpn.{layer}.weight": (256, before, side, side), f"fpn.{layer}.bias": (256,)}
    return found


def light(K=4):
    """Return a state_dict whose tensors repeat one number, so that its file is small."""
    return {
        key: torch.tensor(7) if key.endswith("tracked") else torch.full((1,), 0.01).expand(shape)
        for key, shape in shapes(K).items()
    }


def spread(seed=0):
    """Return a state_dict of random values; no two layers are equal, and the heads depend on the image."""
    random = torch.Generator().manual_seed(seed)
    state = {}
    for key, shape in shapes().items():
        value = torch.randn(shape, generator=random)
        if len(shape) == 4:
            value *= (2 / (shape[1] * shape[2] * shape[3])) ** 0.5
        elif key.endswith("running_var") or (key.startswith("backbone") and key.endswith("weight")):
            value = 0.5 + value.abs()
        elif key.endswith("tracked"):
            value = torch.tensor(1234)
        else:
            value *= 0.3
        state[key] = value
    return state


@pytest.fixture(scope="module")
def state():
    return spread()


@pytest.fixture(scope="module")
def model(state, tmp_path_factory):
    path = tmp_path_factory.mktemp("official") / "released.pth"
    torch.save({"model": state}, path)
    yield load_official(path, rows=2, lines=2)
    path.unlink()


@pytest.fixture
def saved(tmp_path):
    def save(content):
        torch.save(content, tmp_path / "released.pth")
        return tmp_path / "released.pth"

    return save


def ours(key):
    """Return our key for a released key that is used."""
    head, _, value = key.rpartition(".")
    if head in OURS:
        return f"{OURS[head]}.{value}"
    _, body, index = head.split(".")
    return f"trunk.stages.{STAGE[body]}.{FEATURES[body] + int(index)}.{value}"


def test_such_a_file_has_21579344_parameters_of_which_17973072_are_used():
    statistics = ("running_mean", "running_var", "tracked")
    sizes = {key: torch.Size(shape).numel() for key, shape in shapes().items() if not key.endswith(statistics)}
    assert sum(sizes.values()) == 21_579_344
    assert sum(size for key, size in sizes.items() if key not in DEAD) == 17_973_072


def test_every_used_key_lands(state, model):
    used = {ours(key): value for key, value in state.items() if key not in DEAD}
    loaded = model.state_dict()
    assert loaded.keys() == used.keys()
    assert [key for key, value in used.items() if not torch.equal(loaded[key], value)] == []


def test_the_14_keys_without_use_are_listed(model):
    assert sorted(model.ignored) == sorted(DEAD)
    assert len(model.ignored) == 14


def test_the_model_comes_ready_to_predict(model):
    assert not any(layer.training for layer in model.modules())


def convolved(state, key, images):
    weight = state[f"{key}.weight"]
    return conv2d(images, weight, state[f"{key}.bias"], padding=weight.shape[-1] // 2)


def recomputed(state, images):
    """Return logits and offsets, (B, M, 2), of the released forward pass, computed from its keys alone."""
    maps = {}
    for body, layers in CONVOLUTIONS.items():
        if body != "body1":
            images = max_pool2d(images, 2)
        for index, _, after in layers:
            norm = {name: state[f"backbone.{body}.{index + 1}.{name}"] for name in ("running_mean", "running_var")}
            norm |= {name: state[f"backbone.{body}.{index + 1}.{name}"] for name in ("weight", "bias")}
            images = relu(batch_norm(convolved(state, f"backbone.{body}.{index}", images), **norm))
            if (body, index, after) == ("body1", 3, 64):
                images = max_pool2d(images, 2)
        maps[body] = images
    top = interpolate(convolved(state, "fpn.P5_1", maps["body4"]), scale_factor=2, mode="nearest")
    fused = convolved(state, "fpn.P4_2", top + convolved(state, "fpn.P4_1", maps["body3"]))
    outputs = []
    for head in ("classification", "regression"):
        hidden = fused
        for layer in ("conv1", "conv2"):
            hidden = relu(convolved(state, f"{head}.{layer}", hidden))
        channels = convolved(state, f"{head}.output", hidden)
        batch, _, height, width = channels.shape
        outputs.append(channels.permute(0, 2, 3, 1).reshape(batch, height * width * 4, 2))
    return outputs


def test_the_forward_pass_is_the_one_that_the_file_describes(state, model):
    images = torch.randn(2, 3, 48, 32, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        found = model(images)
        logits, offsets = recomputed(state, images)
    references = [
        [8 * column + x, 8 * row + y]
        for row in range(6)
        for column in range(4)
        for x, y in ((2, 2), (6, 2), (2, 6), (6, 6))
    ]
    assert logits.std() > 0.1
    assert offsets.std() > 0.1
    assert torch.allclose(found.logits, logits, atol=1e-4)
    assert torch.allclose(found.points, torch.tensor(references) + 100 * offsets, atol=1e-2)


@pytest.mark.parametrize(
    ("wrapped", "prefix", "left_out"),
    [(False, "", "nothing"), (False, "module.", "nothing"), (True, "module.", "tracked"), (True, "", "tracked")],
)
def test_a_wrapped_a_prefixed_and_an_older_file_are_read_alike(saved, wrapped, prefix, left_out):
    state = {f"{prefix}{key}": value for key, value in light().items() if not key.endswith(left_out)}
    loaded = load_official(saved({"model": state, "epoch": 3} if wrapped else state))
    assert loaded.regression[4].weight.unique().tolist() == [pytest.approx(0.01)]
    assert sorted(loaded.ignored) == sorted(DEAD)


def test_a_file_without_the_dead_layers_is_read_and_nothing_is_listed(saved):
    assert load_official(saved({key: value for key, value in light().items() if key not in DEAD})).ignored == ()


@pytest.mark.parametrize(("K", "rows", "lines"), [(4, 2, 2), (8, 4, 2)])
def test_k_is_told_by_the_file_and_rows_and_lines_have_their_custom(saved, K, rows, lines):
    config = load_official(saved(light(K))).config
    assert (config.K, config.rows, config.lines) == (K, rows, lines)


def test_rows_and_lines_are_taken_as_given(saved):
    config = load_official(saved(light(8)), rows=2, lines=4).config
    assert (config.rows, config.lines) == (2, 4)


def test_lines_follow_from_rows(saved):
    assert load_official(saved(light(8)), rows=8).config.lines == 1


@pytest.mark.parametrize(
    ("rows", "lines", "said"), [(2, 2, "2 x 2"), (3, None, "3 x 2"), (0, None, "0 x 8"), (3, 3, "3 x 3")]
)
def test_rows_times_lines_other_than_k_are_refused(saved, rows, lines, said):
    with pytest.raises(UsageError, match=rf"released\.pth has K = 8 .* expected rows x lines = 8, found {said}"):
        load_official(saved(light(8)), rows=rows, lines=lines)


@pytest.mark.parametrize("key", ["backbone.body1.13.weight", "backbone.body5.0.weight", "fpn.P6.weight", "epoch"])
def test_an_unknown_key_is_refused_by_name(saved, key):
    with pytest.raises(InputError, match=rf"released\.pth is not a checkpoint .*: '{key} is unknown'"):
        load_official(saved(light() | {key: torch.zeros(3)}))


@pytest.mark.parametrize(
    "key",
    ["backbone.body1.0.weight", "backbone.body4.8.running_var", "fpn.P4_1.bias", "classification.output.bias"],
)
def test_a_missing_key_is_refused_by_name(saved, key):
    with pytest.raises(InputError, match=rf"released\.pth is not a checkpoint .*: '{key} is missing'"):
        load_official(saved({name: value for name, value in light().items() if name != key}))


def test_a_tensor_of_another_shape_is_refused_with_both_shapes(saved):
    state = light() | {"fpn.P4_1.weight": torch.zeros(256, 256, 1, 1)}
    with pytest.raises(InputError, match=r"weight: expected \(256, 512, 1, 1\), found \(256, 256, 1, 1\)"):
        load_official(saved(state))


@pytest.mark.parametrize(
    ("regression", "classification", "said"), [(7, 8, "7 channels"), (8, 4, "8 channels"), (0, 0, "0 channels")]
)
def test_heads_that_do_not_fit_each_other_are_refused(saved, regression, classification, said):
    state = light()
    for head, channels in (("regression", regression), ("classification", classification)):
        state |= {
            f"{head}.output.weight": torch.zeros(channels, 256, 3, 3),
            f"{head}.output.bias": torch.zeros(channels),
        }
    with pytest.raises(InputError, match=f"regression.output has {said}"):
        load_official(saved(state))


def test_a_released_checkpoint_can_be_fine_tuned_where_the_config_is_its_models(saved):
    path = saved(light())
    fresh = P2PNet(Config())
    origin = start_from(fresh, path)
    assert torch.equal(fresh.neck.top.weight, torch.full((256, 512, 1, 1), 0.01))
    assert (origin["start"], len(origin["ignored"])) == ("released.pth", len(DEAD))
    with pytest.raises(
        UsageError, match="has K = 4 reference points in a cell: expected rows x lines = 4, found 4 x 2"
    ):
        start_from(P2PNet(Config(rows=4)), path)
    with pytest.raises(InputError, match=r"differs from the config: stride \(expected 4, found 8\)$"):
        start_from(P2PNet(Config(stride=4)), path)
