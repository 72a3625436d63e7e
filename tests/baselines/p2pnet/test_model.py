"""The network: sizes, order and values of its proposals, gradients of each part, and changes without effect."""

import copy

import pytest

pytest.importorskip("torch")

import torch
from oracles import p2pnet as oracle

from baselines.p2pnet import Config, P2PNet, losses, match
from baselines.p2pnet.model import Neck, branch
from baselines.p2pnet.trunks import TRUNKS, count_parameters

LAYOUTS = {1: (1, 1), 4: (2, 2), 8: (4, 2), 12: (4, 3), 16: (4, 4)}


@pytest.fixture(scope="module")
def model():
    return oracle.thin_model()


def noise(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def shown(model, images):
    with torch.no_grad():
        return model(images)


def assert_same(found, expected, *, pixels=1e-3, logits=1e-4):
    assert found.points.shape == expected.points.shape
    assert (found.points - expected.points).abs().max() < pixels
    assert (found.logits - expected.logits).abs().max() < logits


def test_the_papers_model_has_17973072_parameters():
    assert count_parameters(P2PNet(Config())) == 17_973_072


@pytest.mark.parametrize("stride", [4, 8, 16])
@pytest.mark.parametrize("K", LAYOUTS)
def test_every_cell_has_k_proposals(K, stride):
    rows, lines = LAYOUTS[K]
    found = shown(oracle.thin_model(stride=stride, rows=rows, lines=lines), noise(2, 3, 32, 48))
    assert found.points.shape == found.logits.shape == (2, (32 // stride) * (48 // stride) * K, 2)
    assert (found.stride, found.K) == (stride, K)


@pytest.mark.parametrize(
    ("stride", "rows", "lines", "layout"), [(8, 2, 2, "grid"), (4, 4, 2, "grid"), (16, 2, 2, "center")]
)
def test_points_are_references_plus_gamma_times_offsets_and_logits_in_the_same_order(stride, rows, lines, layout):
    model = oracle.thin_model(stride=stride, rows=rows, lines=lines, layout=layout, gamma=7.0)
    images = noise(2, 3, 32, 64)
    found = shown(model, images)
    with torch.no_grad():
        fused = model.neck(model.trunk(images))
        offsets, scores = model.regression(fused), model.classification(fused)
    references = torch.tensor(oracle.reference_points(32 // stride, 64 // stride, stride, rows, lines, layout))
    for b in range(2):
        moved = references + 7.0 * torch.tensor(oracle.pairs_of(offsets[b].tolist(), rows * lines))
        assert torch.allclose(found.points[b], moved, atol=1e-3)
        assert found.logits[b].tolist() == oracle.pairs_of(scores[b].tolist(), rows * lines)


def test_a_new_models_proposals_are_near_their_references():
    torch.manual_seed(0)
    model = P2PNet(Config(width=8), trunk=oracle.thin_trunk())
    references = torch.tensor(oracle.reference_points(8, 8, 8, 2, 2, "grid"))
    assert (shown(model, noise(1, 3, 64, 64)).points[0] - references).abs().max() < 2


def test_the_prior_for_nothing_is_the_first_bias_of_the_classification():
    model = P2PNet(Config(width=8, nothing_bias=2.0), trunk=oracle.thin_trunk())
    assert model.classification[-1].bias.tolist() == [2, 0] * 4


def test_the_neck_doubles_by_nearest_neighbours_and_adds_the_lateral_map():
    neck = Neck((1, 1, 1), 1, 8)
    for layer in (neck.top, neck.laterals[0], neck.smooth):
        torch.nn.init.zeros_(layer.weight)
        torch.nn.init.zeros_(layer.bias)
        layer.weight.data[0, 0, layer.weight.shape[-1] // 2, layer.weight.shape[-1] // 2] = 1
    middle = torch.tensor([[10.0, 20, 30, 40], [50, 60, 70, 80]]).reshape(1, 1, 2, 4)
    coarse = torch.tensor([[1.0, 2.0]]).reshape(1, 1, 1, 2)
    fused = neck((torch.zeros(1, 1, 4, 8), middle, coarse))
    assert fused.tolist() == [[[[11, 21, 32, 42], [51, 61, 72, 82]]]]


def test_a_branch_is_three_convolutions_interleaved_with_relu():
    names = [type(layer).__name__ for layer in branch(8, 4)]
    assert names == ["Conv2d", "ReLU", "Conv2d", "ReLU", "Conv2d"]
    assert branch(8, 4)[-1].out_channels == 8


def test_parts_of_ones_own_take_the_place_of_the_configs():
    parts = {"trunk": oracle.thin_trunk(), "neck": Neck((8, 8, 8), 4, 8), "regression": branch(4, 4)}
    model = P2PNet(Config(), **parts, classification=branch(4, 4))
    assert all(getattr(model, name) is part for name, part in parts.items())
    assert shown(model.eval(), noise(1, 3, 16, 16)).points.shape == (1, 16, 2)


def test_a_batch_equals_its_images_one_by_one(model):
    images = noise(3, 3, 64, 80)
    found = shown(model, images)
    for b in range(3):
        one = shown(model, images[b : b + 1])
        assert_same(one, type(found)(found.logits[b : b + 1], found.points[b : b + 1], 8, 4))


@pytest.mark.parametrize("size", [(50, 70), (1, 1), (16, 17), (47, 33)])
def test_sizes_that_are_no_multiples_of_16_are_padded_with_zeros_right_and_below(model, size):
    images = noise(1, 3, *size)
    height, width = (-(-side // 16) * 16 for side in size)
    whole = torch.zeros(1, 3, height, width)
    whole[:, :, : size[0], : size[1]] = images
    found = shown(model, images)
    assert found.points.shape == (1, (height // 8) * (width // 8) * 4, 2)
    assert torch.equal(found.points, shown(model, whole).points)
    assert torch.equal(found.logits, shown(model, whole).logits)


def test_padding_changes_nothing_further_than_128_pixels_from_it(model):
    images = noise(1, 3, 32, 400)
    padded = torch.nn.functional.pad(images, (0, 240))
    here, there = shown(model, images), shown(model, padded)
    sides = [each.reshape(4, -1, 4, 2) for each in (here.points, there.points, here.logits, there.logits)]
    points, points_there, logits, logits_there = (each[:, : (400 - 128) // 8] for each in sides)
    assert (points - points_there).abs().max() < 1e-3
    assert (logits - logits_there).abs().max() < 1e-4
    assert (sides[0] - sides[1][:, :50]).abs().max() > 1


def loss_of(model, *, images=None, heads=(6, 9)):
    output = model(noise(2, 3, 64, 64) if images is None else images)
    targets = oracle.random_targets(*heads)
    return losses(output, targets, match(output, targets))


def without_gradient(module):
    return [name for name, each in module.named_parameters() if each.grad is None or not each.grad.abs().max() > 0]


@pytest.mark.parametrize("stride", [4, 8, 16])
def test_every_parameter_gets_a_gradient(stride):
    model = oracle.thin_model(stride=stride)
    loss_of(model).total.backward()
    assert without_gradient(model) == []


@pytest.mark.parametrize("backbone", TRUNKS)
def test_every_parameter_of_a_new_model_gets_a_gradient(backbone):
    torch.manual_seed(0)
    model = P2PNet(Config(backbone=backbone, width=16)).eval()
    loss_of(model, images=noise(2, 3, 32, 32)).total.backward()
    assert without_gradient(model) == []


def test_the_localization_reaches_the_regression_branch_and_not_the_classification():
    model = oracle.thin_model()
    loss_of(model).localization.backward()
    assert without_gradient(model.regression) == without_gradient(model.neck) == without_gradient(model.trunk) == []
    assert len(without_gradient(model.classification)) == 6


def test_the_classification_reaches_the_classification_branch_and_not_the_regression():
    model = oracle.thin_model()
    loss_of(model).classification.backward()
    assert without_gradient(model.classification) == without_gradient(model.neck) == without_gradient(model.trunk) == []
    assert len(without_gradient(model.regression)) == 6


def test_images_without_heads_train_the_classification_alone():
    model = oracle.thin_model()
    loss_of(model, heads=(0, 0)).total.backward()
    assert without_gradient(model.classification) == []
    assert len(without_gradient(model.regression)) == 6


def test_a_few_steps_on_one_batch_bring_both_terms_down():
    torch.manual_seed(0)
    model = P2PNet(Config(width=16), trunk=oracle.thin_trunk())
    images, targets = noise(2, 3, 64, 64), oracle.random_targets(6, 9)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    course = []
    for _ in range(30):
        output = model(images)
        found = losses(output, targets, match(output, targets), lambda2=2e-3)
        optimizer.zero_grad()
        found.total.backward()
        optimizer.step()
        course.append((found.classification.item(), found.localization.item()))
    assert course[-1][0] < 0.5 * course[0][0]
    assert course[-1][1] < 0.5 * course[0][1]


def test_under_bf16_points_and_logits_are_float32(model):
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = shown(model, noise(1, 3, 64, 64))
    assert found.points.dtype == found.logits.dtype == torch.float32
    assert_same(found, shown(model, noise(1, 3, 64, 64)), pixels=20, logits=0.5)


def test_under_bf16_the_regressions_output_gamma_and_references_keep_float32s_digits():
    """bfloat16 has neither 1,022 nor 0.1234; the nearest values are 1,024 and 0.12354."""
    model = oracle.thin_model()
    torch.nn.init.zeros_(model.regression[-1].weight)
    torch.nn.init.constant_(model.regression[-1].bias, 0.1234)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = shown(model, noise(1, 3, 16, 1024))
    references = torch.tensor(oracle.reference_points(2, 128, 8, 2, 2, "grid"))
    assert references.max() == 1022
    assert torch.allclose(found.points[0], references + 12.34, rtol=0, atol=1e-3)


def test_under_bf16_both_terms_reach_every_parameter():
    model = oracle.thin_model()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        output = model(noise(2, 3, 64, 64))
    losses(output, oracle.random_targets(6, 9)).total.backward()
    assert without_gradient(model) == []


def test_channels_last_gives_the_same_proposals(model):
    images = noise(2, 3, 64, 80)
    other = copy.deepcopy(model).to(memory_format=torch.channels_last)
    assert_same(shown(other, images.contiguous(memory_format=torch.channels_last)), shown(model, images))


def test_the_model_is_one_graph_to_torch_compile(model):
    """fullgraph raises for any graph break; the eager backend saves the minute of code generation."""
    images = noise(1, 3, 32, 48)
    compiled = torch.compile(model, backend="eager", fullgraph=True)
    assert_same(shown(compiled, images), shown(model, images))


def test_references_follow_the_model_to_another_device_and_are_no_weights(model):
    assert "references" not in model.state_dict()
    assert copy.deepcopy(model).to("meta").references.device.type == "meta"


def test_the_margin_of_the_papers_model_is_128_pixels():
    assert P2PNet(Config()).margin == oracle.thin_model().margin == 128


@pytest.mark.parametrize(("stride", "rows", "lines"), [(4, 2, 2), (8, 2, 2), (16, 4, 2)])
def test_the_margin_is_the_least_multiple_of_16_that_a_cores_proposals_do_not_see_past(stride, rows, lines):
    """A column of NaN makes every value NaN that depends on it."""
    model = oracle.thin_model(stride=stride, rows=rows, lines=lines)
    core = 256

    def spoils(column):
        images = noise(1, 3, 16, 512)
        images[..., column] = torch.nan
        bad = shown(model, images).points.isnan().any(-1).reshape(16 // stride, 512 // stride, -1)
        after, before = bad[:, core // stride :].any(), bad[:, : core // stride].any()
        return bool(after if column < core else before)

    assert not spoils(core - model.margin - 1)
    assert not spoils(core + model.margin)
    assert any(spoils(column) for column in range(core - model.margin, core - model.margin + 16))
    assert any(spoils(column) for column in range(core + model.margin - 16, core + model.margin))


def test_parts_of_ones_own_see_no_one_knows_how_far():
    config = Config(backbone="mobilenet_v3_large", width=8)
    assert P2PNet(config, classification=branch(8, 4)).margin is None
