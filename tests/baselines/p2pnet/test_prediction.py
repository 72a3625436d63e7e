"""Points of whole images: tiles and the whole image give equal points, in pixels of the image and inside it."""

import pytest

pytest.importorskip("torch")

import numpy as np
import torch
from oracles import p2pnet as oracle
from scipy.spatial import cKDTree

from baselines.p2pnet import Config, P2PNet, predict_points
from baselines.p2pnet.batches import normalize
from baselines.p2pnet.prediction import spans
from crowdeval.errors import PredictorError, UsageError


@pytest.fixture(scope="module")
def model():
    return oracle.thin_model()


@pytest.fixture(scope="module")
def image():
    return np.random.default_rng(0).integers(0, 256, (500, 700, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def whole(model, image):
    return in_order(predict_points(model, image, confidence=0.0, tile=0))


def in_order(found):
    """Return points with their confidences, (M, 3), sorted by position; tiles have another order than the image."""
    rows = np.column_stack([found.points, found.scores])
    return rows[np.lexsort(rows.T)]


def difference(found, expected):
    """Return the largest distance of a point from its nearest of the other set, and of their confidences."""
    assert found.shape == expected.shape
    away, nearest = cKDTree(expected[:, :2]).query(found[:, :2])
    return away.max(), np.abs(found[:, 2] - expected[nearest, 2]).max()


def test_the_models_proposals_go_astray_and_differ_in_confidence(whole):
    """Otherwise the comparisons in this file would show little."""
    assert len(whole) > 15_000
    assert np.ptp(whole[:, 2]) > 0.5


@pytest.mark.parametrize("tile", [128, 400])
def test_tiles_give_what_the_whole_image_gives(model, image, whole, tile):
    pixels, confidence = difference(in_order(predict_points(model, image, confidence=0.0, tile=tile)), whole)
    assert pixels < 1e-3
    assert confidence < 1e-4


class Narrow:
    """A model with a margin smaller than its receptive field."""

    def __init__(self, model, margin):
        self.model, self.margin = model, margin
        self.config, self.device = model.config, model.device

    def __call__(self, images):
        return self.model(images)


@pytest.mark.parametrize("margin", [0, 64, 112])
def test_with_a_smaller_margin_tiles_would_differ(model, image, whole, margin):
    found = in_order(predict_points(Narrow(model, margin), image, confidence=0.0, tile=128))
    assert len(found) != len(whole) or difference(found, whole)[0] > 0.1


@pytest.mark.parametrize(("stride", "rows"), [(4, 2), (16, 4)])
def test_tiles_of_other_strides_give_what_the_whole_image_gives(stride, rows):
    model = oracle.thin_model(stride=stride, rows=rows)
    image = np.random.default_rng(1).integers(0, 256, (180, 330, 3), dtype=np.uint8)
    found, expected = (in_order(predict_points(model, image, confidence=0.0, tile=tile)) for tile in (64, 0))
    pixels, confidence = difference(found, expected)
    assert pixels < 1e-3
    assert confidence < 1e-4


def test_points_and_confidences_are_the_models_above_the_least_confidence_and_inside(model):
    pixels = np.random.default_rng(2).integers(0, 256, (50, 70, 3), dtype=np.uint8)
    with torch.no_grad():
        output = model(normalize(torch.from_numpy(pixels).permute(2, 0, 1)[None], torch.device("cpu")))
    points, scores = output.points[0].double().numpy(), output.confidences[0].double().numpy()
    inside = (points[:, 0] >= 0) & (points[:, 0] < 70) & (points[:, 1] >= 0) & (points[:, 1] < 50)
    kept = inside & (scores >= 0.4)
    assert 0 < kept.sum() < inside.sum() < len(points)
    found = predict_points(model, pixels, confidence=0.4, tile=0)
    assert np.allclose(found.points, points[kept], atol=1e-4)
    assert np.allclose(found.scores, scores[kept], atol=1e-6)
    assert found.points.dtype == found.scores.dtype == np.float64


def test_the_least_confidence_is_the_configs_where_none_is_given(image):
    model = oracle.thin_model(confidence=0.6)
    found = predict_points(model, image[:64, :64]).scores
    assert found.min() >= 0.6
    assert len(found) == (predict_points(model, image[:64, :64], confidence=0.0).scores >= 0.6).sum()


@pytest.mark.parametrize(("tile", "confidence"), [(0, 0.0), (0, 0.9), (32, 0.05)])
def test_the_expected_count_is_over_all_proposals_in_the_image(tile, confidence):
    model = oracle.thin_model(lambda1=0.3, counting="expected")
    pixels = np.random.default_rng(2).integers(0, 256, (50, 70, 3), dtype=np.uint8)
    with torch.no_grad():
        images = normalize(torch.from_numpy(pixels).permute(2, 0, 1)[None], torch.device("cpu"))
        output = model(torch.nn.functional.pad(images, (0, 10, 0, 14)))
    expected = 0.0
    for (x, y), c in zip(output.points[0].tolist(), output.confidences[0].tolist(), strict=True):
        if 0 <= x < 70 and 0 <= y < 50:
            expected += 0.3 * c / (1 - c + 0.3 * c)
    found = predict_points(model, pixels, confidence=confidence, tile=tile)
    assert found.count == pytest.approx(expected, rel=1e-4)
    assert found.count > len(found.scores) if confidence == 0.9 else found.count < len(found.scores)


def test_the_counting_is_the_configs(image):
    part = image[:64, :64]
    assert predict_points(oracle.thin_model(), part).count is None
    expecting = oracle.thin_model(counting="expected")
    assert predict_points(expecting, part).count > 0


@pytest.mark.parametrize("branch", ["classification", "regression"])
def test_an_answer_that_is_not_finite_is_an_error(image, branch):
    model = oracle.thin_model(counting="expected")
    torch.nn.init.constant_(getattr(model, branch)[-1].bias, float("nan"))
    with pytest.raises(PredictorError, match="the model's output is not finite"):
        predict_points(model, image[:64, :64])


def shifted(x, y):
    """Return a model whose proposals are its reference points, moved by (x, y) pixels."""
    model = oracle.thin_model(gamma=1.0)
    torch.nn.init.zeros_(model.regression[-1].weight)
    model.regression[-1].bias.data.copy_(torch.tensor([x, y]).repeat(4))
    return model


def test_points_that_land_outside_the_image_are_dropped():
    """Of the references 2, 6, 10, ... of 30 pixels, moved by 5, those at 31 and more are outside, as is the padding."""
    found = predict_points(shifted(5.0, 0.0), np.zeros((20, 30, 3), dtype=np.uint8), confidence=0.0).points
    assert sorted(set(found[:, 0])) == pytest.approx([7, 11, 15, 19, 23, 27])
    assert sorted(set(found[:, 1])) == pytest.approx([2, 6, 10, 14, 18])


def test_the_left_border_is_inside_and_the_right_one_is_not():
    zeros = np.zeros((16, 16, 3), dtype=np.uint8)
    left = predict_points(shifted(-2.0, 0.0), zeros, confidence=0.0).points
    right = predict_points(shifted(2.0, 0.0), zeros, confidence=0.0).points
    assert sorted(set(left[:, 0])) == [0, 4, 8, 12]
    assert sorted(set(right[:, 0])) == [4, 8, 12]


def test_points_of_an_image_shrunk_to_max_side_are_in_its_own_pixels(image):
    """300 x 200 pixels become 100 x 67, not 66.67: a point at (2, 2) there is at (6, 5.97) here."""
    model = shifted(0.0, 0.0)
    model.config = model.config.with_values({"max_side": 100})
    found = predict_points(model, image[:200, :300], confidence=0.0).points
    assert sorted(set(found[:, 0].round(6))) == pytest.approx([300 / 100 * (2 + 4 * i) for i in range(25)])
    assert sorted(set(found[:, 1].round(6))) == pytest.approx([200 / 67 * (2 + 4 * i) for i in range(17)])


def test_points_of_an_enlarged_image_are_in_its_own_pixels(image):
    """90 x 50 pixels become 112 x 62: cells of 4 pixels there are finer here."""
    model = shifted(0.0, 0.0)
    model.config = model.config.with_values({"zoom": 1.25})
    found = predict_points(model, image[:50, :90], confidence=0.0, tile=48).points
    assert sorted(set(found[:, 0].round(6))) == pytest.approx([90 / 112 * (2 + 4 * i) for i in range(28)])
    assert sorted(set(found[:, 1].round(6))) == pytest.approx([50 / 62 * (2 + 4 * i) for i in range(15)])


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (15, 17)])
def test_an_image_of_any_size_has_points_inside_it_only(model, size):
    pixels = np.random.default_rng(3).integers(0, 256, (*size, 3), dtype=np.uint8)
    found = predict_points(model, pixels, confidence=0.0, tile=64)
    assert len(found.points) == len(found.scores)
    assert ((found.points >= 0) & (found.points < (size[1], size[0]))).all()


def test_prediction_leaves_the_pixels_alone_and_needs_no_memory_of_theirs(model):
    pixels = np.random.default_rng(4).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    before = pixels.copy()
    pixels.flags.writeable = False
    predict_points(model, pixels)
    assert np.array_equal(pixels, before)


def test_bf16_moves_points_a_little(image):
    model = oracle.thin_model()
    model.settle("bf16")
    found = predict_points(model, image[:64, :64], confidence=0.0)
    assert len(found.points) == len(found.scores) > 0
    assert np.isfinite(found.points).all()


def test_channels_last_gives_the_same_points(image):
    plain, other = oracle.thin_model(), oracle.thin_model(channels_last=True).to(memory_format=torch.channels_last)
    found, expected = (in_order(predict_points(each, image[:100, :130], confidence=0.0)) for each in (other, plain))
    pixels, confidence = difference(found, expected)
    assert pixels < 1e-3
    assert confidence < 1e-4


@pytest.mark.parametrize("margin", [0, 128, 448])
@pytest.mark.parametrize("tile", [0, 16, 64, 1024])
@pytest.mark.parametrize("length", [1, 16, 63, 64, 65, 700, 1024, 1025])
def test_cores_cover_an_axis_once_and_tiles_begin_at_multiples_of_16(length, tile, margin):
    tiles = list(spans(length, tile, margin))
    end = -(-length // 16) * 16
    covered = [pixel for each in tiles for pixel in range(each.core_start, each.core_end)]
    assert covered == list(range(end))
    for each in tiles:
        assert each.start % 16 == each.end % 16 == 0
        assert (each.start, each.end) == (max(each.core_start - margin, 0), min(each.core_end + margin, end))
        assert each.core_end - each.core_start <= (tile or end)


@pytest.mark.parametrize("tile", [-16, 8, 100])
def test_a_tile_that_is_no_multiple_of_16_is_refused(model, tile):
    with pytest.raises(
        UsageError, match=f"tile: expected a multiple of 16, or 0 for the whole image at once, found {tile}"
    ):
        predict_points(model, np.zeros((16, 16, 3), dtype=np.uint8), tile=tile)


@pytest.fixture(scope="module")
def mobilenet():
    torch.manual_seed(0)
    return P2PNet(Config(backbone="mobilenet_v3_large", width=8)).eval()


def test_a_trunk_that_looks_at_the_whole_image_refuses_tiles(mobilenet):
    with pytest.raises(UsageError) as caught:
        predict_points(mobilenet, np.zeros((64, 64, 3), dtype=np.uint8), tile=32)
    assert str(caught.value) == (
        "tile: expected 0 for this model, found 32 (a proposal of mobilenet_v3_large depends on the whole image, "
        "or on an unknown part of it)"
    )


def test_a_trunk_that_looks_at_the_whole_image_predicts_without_tiles(mobilenet):
    found = predict_points(mobilenet, np.zeros((64, 80, 3), dtype=np.uint8), confidence=0.0, tile=0).points
    assert len(found) > 0


def test_a_trunk_that_looks_at_the_whole_image_sees_it_at_once_unless_told_otherwise(mobilenet):
    pixels = np.zeros((64, 80, 3), dtype=np.uint8)
    points = predict_points(mobilenet, pixels, confidence=0.0).points
    assert len(points) == len(predict_points(mobilenet, pixels, confidence=0.0, tile=0).points) > 0
