"""Trunks: their maps, torchvision's keys for their layers, and frozen layers."""

import pytest

pytest.importorskip("torch")

import torch
import torchvision
from oracles import p2pnet as oracle

from baselines.p2pnet.trunks import TRUNKS, HalvingInPlace, Trunk, build_trunk, count_parameters
from crowdeval.errors import UsageError


@pytest.mark.parametrize("name", TRUNKS)
def test_a_trunk_gives_maps_of_stride_4_8_and_16(name):
    trunk = build_trunk(name).eval()
    with torch.no_grad():
        maps = trunk(torch.zeros(2, 3, 32, 64))
    assert [each.shape for each in maps] == [
        (2, channels, 32 // stride, 64 // stride) for channels, stride in zip(trunk.channels, (4, 8, 16), strict=True)
    ]


def test_the_papers_trunk_is_torchvisions_network_up_to_its_last_pooling():
    """The maps are those after features[32], block 4, and features[42], block 5."""
    torch.manual_seed(0)
    network = torchvision.models.vgg16_bn(weights=None).eval()
    trunk = build_trunk("vgg16_bn").eval()
    there = network.features.state_dict()
    trunk.load_state_dict({key: there[key.split(".", 2)[2]] for key in trunk.state_dict()})
    images = torch.randn(1, 3, 32, 48)
    with torch.no_grad():
        fine, middle, coarse = trunk(images)
        assert torch.equal(fine, network.features[:23](images))
        assert torch.equal(middle, network.features[:33](images))
        assert torch.equal(coarse, network.features[:43](images))


@pytest.mark.parametrize(("name", "expected"), [("vgg16_bn", 14_723_136), ("vgg16", 14_714_688)])
def test_a_vgg_trunk_has_the_parameters_of_thirteen_convolutions(name, expected):
    trunk = build_trunk(name)
    assert sum(isinstance(layer, torch.nn.Conv2d) for layer in trunk.modules()) == 13
    assert count_parameters(trunk) == expected


@pytest.mark.parametrize("name", ["vgg16_bn", "vgg16"])
def test_a_value_of_the_coarsest_map_sees_90_pixels_to_each_side_of_its_patch(name):
    assert build_trunk(name).radius == 90


@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("size", [(2, 5, 12, 16), (1, 64, 2, 2), (1, 1, 6, 4), (1, 3, 7, 8), (1, 3, 8, 5)])
def test_a_pooling_in_place_gives_the_greatest_of_four(size, kind, layout):
    maps = torch.randn(size, generator=torch.Generator().manual_seed(0)).to(kind).contiguous(memory_format=layout)
    maps[0, 0, 0, 1] = float("nan")
    expected = torch.nn.functional.max_pool2d(maps.clone(), 2)
    with torch.no_grad():
        found = HalvingInPlace(2, 2)(maps)
    assert torch.equal(found.nan_to_num(99), expected.nan_to_num(99))
    assert found.isnan().any()


def test_a_pooling_that_is_learned_through_overwrites_nothing():
    maps = torch.randn(1, 3, 8, 8).contiguous(memory_format=torch.channels_last).requires_grad_()
    before = maps.detach().clone()
    HalvingInPlace(2, 2)(maps).sum().backward()
    assert torch.equal(maps.detach(), before)
    assert maps.grad.sum() == 3 * 16


def test_a_folded_trunk_overwrites_only_what_nobody_else_reads():
    trunk = build_trunk("vgg16").eval().to(memory_format=torch.channels_last)
    trunk.fold()
    first = [next(iter(stage.children())) for stage in trunk.stages]
    assert [type(layer) for layer in first[1:]] == [torch.nn.MaxPool2d] * 2
    assert sum(isinstance(layer, HalvingInPlace) for layer in trunk.modules()) == 2
    images = torch.randn(1, 3, 32, 32).contiguous(memory_format=torch.channels_last)
    before = images.clone()
    with torch.no_grad():
        maps = trunk(images)
        alone = [stage(below) for stage, below in zip(trunk.stages, (images, *maps), strict=False)]
    assert torch.equal(images, before)
    assert all(torch.equal(one, other) for one, other in zip(maps, alone, strict=True))
    other = build_trunk("resnet50").eval()
    other.fold()
    assert not any(isinstance(layer, HalvingInPlace) for layer in other.modules())


def test_a_pooling_of_a_map_that_others_read_stays_as_it_is():
    """A trunk whose second stage begins with a ReLU, so that its input is the map of the first stage."""
    torch.manual_seed(0)

    def conv(*channels):
        return torch.nn.Conv2d(*channels, 3, padding=1)

    def halved(channels):
        return [torch.nn.ReLU(), torch.nn.MaxPool2d(2, 2), conv(channels, channels)]

    stages = [torch.nn.Sequential(conv(3, 4), *halved(4), *halved(4)), *(torch.nn.Sequential(*halved(4)),) * 2]
    trunk = Trunk(stages, (4, 4, 4), [], {}).eval().to(memory_format=torch.channels_last)
    images = torch.randn(1, 3, 32, 32).contiguous(memory_format=torch.channels_last)
    with torch.no_grad():
        before = trunk(images)
        trunk.fold()
        after = trunk(images)
    assert [sum(isinstance(layer, HalvingInPlace) for layer in stage) for stage in trunk.stages] == [2, 0, 0]
    assert all(torch.equal(one, other) for one, other in zip(before, after, strict=True))


def test_a_folded_trunk_is_compiled_whole_and_takes_maps_made_in_inference_mode():
    trunk = build_trunk("vgg16").eval().to(memory_format=torch.channels_last)
    trunk.fold()
    images = torch.randn(1, 3, 32, 32).contiguous(memory_format=torch.channels_last)
    with torch.no_grad():
        expected = trunk(images)
        found = torch.compile(trunk, fullgraph=True, backend="eager")(images)
    assert all(torch.equal(one, other) for one, other in zip(found, expected, strict=True))
    with torch.inference_mode():
        made = torch.randn(1, 4, 8, 8).contiguous(memory_format=torch.channels_last)
    with torch.no_grad():
        assert HalvingInPlace(2, 2)(made).shape == (1, 4, 4, 4)


@pytest.mark.parametrize(("name", "left"), [("vgg16_bn", 0), ("resnet50", 39), ("mobilenet_v3_large", 0)])
def test_a_folded_trunk_gives_the_same_maps_without_the_batch_norms(name, left):
    """In a residual block a batch norm follows its convolution by name only, and is not merged."""
    torch.manual_seed(0)
    trunk = build_trunk(name).eval().to(memory_format=torch.channels_last)
    for layer in trunk.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            for value in (layer.weight, layer.running_var):
                torch.nn.init.uniform_(value, 0.5, 1.5)
            for value in (layer.bias, layer.running_mean):
                torch.nn.init.normal_(value, std=0.3)
    images = torch.randn(1, 3, 64, 48).contiguous(memory_format=torch.channels_last)
    with torch.no_grad():
        before = trunk(images)
        trunk.fold()
        after = trunk(images)
    assert sum(isinstance(layer, torch.nn.BatchNorm2d) for layer in trunk.modules()) == left
    for one, other in zip(before, after, strict=True):
        assert (one - other).abs().max() <= 1e-4 * one.abs().max()


def test_a_trunk_in_training_is_not_folded():
    with pytest.raises(AssertionError):
        build_trunk("vgg16_bn").train().fold()


def test_a_trunk_that_looks_at_the_whole_image_has_no_radius():
    assert build_trunk("mobilenet_v3_large").radius is None


def test_a_shortcut_of_a_residual_trunk_is_beside_the_chain():
    """3 + 2 for the stem, 3 blocks at stride 4, one at 4 and 3 at 8, one at 8 and 5 at 16."""
    assert build_trunk("resnet50").radius == 3 + 2 + 3 * 4 + (4 + 3 * 8) + (8 + 5 * 16)


def test_an_unknown_trunk_is_refused_with_the_near_ones():
    with pytest.raises(
        UsageError, match=r"^backbone: expected one of .*resnet50.*, found 'vgg16-bn'.*did you mean 'vgg16_bn'"
    ):
        build_trunk("vgg16-bn")


def convolutions_that_learn(trunk):
    return [layer.weight.requires_grad for layer in trunk.modules() if isinstance(layer, torch.nn.Conv2d)]


def test_freezing_two_blocks_leaves_the_other_nine_convolutions_to_learn():
    trunk = build_trunk("vgg16")
    trunk.freeze(2, batch_norm=False)
    assert convolutions_that_learn(trunk) == [False] * 4 + [True] * 9


def test_frozen_blocks_keep_their_statistics_while_the_rest_learns():
    trunk = oracle.thin_trunk()
    trunk.freeze(1, batch_norm=False)
    before = {key: value.clone() for key, value in trunk.state_dict().items() if "running_mean" in key}
    trunk.train()(torch.randn(2, 3, 32, 32))
    moved = {key: not torch.equal(value, trunk.state_dict()[key]) for key, value in before.items()}
    assert moved == {key: not key.startswith("stages.0.") for key in before}


def test_with_frozen_batch_norms_no_statistics_move_and_all_convolutions_learn():
    trunk = oracle.thin_trunk()
    trunk.freeze(0, batch_norm=True)
    before = {key: value.clone() for key, value in trunk.state_dict().items()}
    trunk.train()(torch.randn(2, 3, 32, 32))
    assert all(torch.equal(value, trunk.state_dict()[key]) for key, value in before.items())
    assert all(convolutions_that_learn(trunk))


def test_what_is_frozen_stays_so_after_a_validation():
    trunk = oracle.thin_trunk()
    trunk.freeze(1, batch_norm=True)
    trunk.eval()
    trunk.train()
    norms = [layer for layer in trunk.modules() if isinstance(layer, torch.nn.BatchNorm2d)]
    assert trunk.training
    assert not any(layer.training for layer in norms)


def test_more_blocks_than_there_are_can_not_be_frozen():
    with pytest.raises(UsageError, match="frozen_blocks: expected 0 to 5 for this trunk, found 6"):
        build_trunk("vgg16").freeze(6, batch_norm=False)


@pytest.mark.parametrize("name", ["vgg16_bn", "resnet50", "mobilenet_v3_large"])
@pytest.mark.parametrize("blocks", [1, 3])
def test_maps_computed_again_give_the_same_gradient_and_the_same_statistics(name, blocks):
    images = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    trunks = []
    for again in (0, blocks):
        torch.manual_seed(0)
        trunk = build_trunk(name).train()
        trunk.recompute(again)
        for _ in range(2):
            sum(each.square().mean() for each in trunk(images)).backward()
        trunks.append(trunk)
    plain, again = trunks
    for (key, one), other in zip(plain.named_parameters(), again.parameters(), strict=True):
        assert torch.equal(one.grad, other.grad), key
    states = again.state_dict()
    assert [key for key, value in plain.state_dict().items() if not torch.equal(value, states[key])] == []
    assert {layer.momentum for layer in again.modules() if isinstance(layer, torch.nn.BatchNorm2d)} == {
        layer.momentum for layer in plain.modules() if isinstance(layer, torch.nn.BatchNorm2d)
    }


def kept_by(trunk, images):
    """Return the bytes of the maps that autograd keeps for the backward pass, each counted once."""
    kept, weights = {}, {each.data_ptr() for each in trunk.parameters()}

    def note(tensor):
        if tensor.data_ptr() not in weights:
            kept[tensor.data_ptr()] = tensor.numel() * tensor.element_size()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        maps = trunk.train()(images)
    assert all(each.requires_grad for each in maps)
    return sum(kept.values())


def test_the_first_block_computed_again_takes_a_third_of_the_memory_away():
    trunk, images = build_trunk("vgg16_bn"), torch.randn(2, 3, 64, 64)
    before = kept_by(trunk, images)
    trunk.recompute(1)
    assert kept_by(trunk, images) < before * 2 / 3


@pytest.mark.parametrize(("name", "blocks"), [("vgg16_bn", 5), ("resnet50", 4), ("mobilenet_v3_large", 13)])
def test_each_block_computed_again_takes_less_memory(name, blocks):
    trunk, images = build_trunk(name), torch.randn(2, 3, 64, 64)
    kept = []
    for again in range(blocks + 1):
        trunk.recompute(again)
        kept.append(kept_by(trunk, images))
    assert kept == sorted(kept, reverse=True)
    assert len(set(kept)) == len(kept)


def test_without_gradients_nothing_is_computed_again():
    trunk, images = build_trunk("vgg16_bn").eval(), torch.randn(1, 3, 32, 32)
    with torch.no_grad():
        before = trunk(images)
        trunk.recompute(5)
        assert all(torch.equal(one, other) for one, other in zip(before, trunk(images), strict=True))


def test_more_blocks_than_there_are_can_not_be_computed_again():
    with pytest.raises(UsageError, match="recompute: expected 0 to 5 for this trunk, found 6"):
        build_trunk("vgg16").recompute(6)
