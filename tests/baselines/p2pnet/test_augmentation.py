"""Crops of scaled images: points match pixels, borders are half-open, flips and scales agree."""

import itertools

import pytest

pytest.importorskip("torch")

import numpy as np
from PIL import Image

from baselines.p2pnet import Config
from baselines.p2pnet.augmentation import MEAN_COLOUR, Window, random_window, resize


def noise(width, height, seed=0):
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8))


def dotted(width, height, x, y):
    """Return a black image with a white square of 6 x 6 pixels around (x, y)."""
    pixels = np.zeros((height, width, 3), dtype=np.uint8)
    pixels[y - 3 : y + 3, x - 3 : x + 3] = 255
    return Image.fromarray(pixels)


def centre_of_light(pixels):
    """Return x and y of the mean brightness; pixel i is [i, i + 1)."""
    light = pixels[..., 0].astype(float)
    down, across = np.mgrid[: light.shape[0], : light.shape[1]] + 0.5
    return (light * across).sum() / light.sum(), (light * down).sum() / light.sum()


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize(("width", "height"), [(200, 150), (140, 105), (260, 195), (200, 120)])
def test_points_follow_pixels(width, height, mirrored):
    image = dotted(200, 150, 70, 60)
    window = Window(width, height, 17, 9, 96, mirrored)
    [point] = window.points(np.array([[70.0, 60.0]]), image.size)
    assert centre_of_light(window.pixels(image)) == pytest.approx(tuple(point), abs=0.05)


def test_points_are_scaled_then_moved():
    window = Window(200, 50, 30, 10, 64)
    assert window.points(np.array([[40.0, 60.0], [22.5, 26.0]]), (100, 100)).tolist() == [[50.0, 20.0], [15.0, 3.0]]


def test_mirroring_takes_x_to_the_side_less_x():
    window = Window(128, 128, 0, 0, 128, mirrored=True)
    assert window.points(np.array([[10.0, 5.0], [127.5, 6.0]]), (128, 128)).tolist() == [[118.0, 5.0], [0.5, 6.0]]


def test_mirroring_twice_changes_nothing():
    image, points = noise(96, 96), np.random.default_rng(1).uniform(0, 64, (40, 2))
    plain, mirrored = Window(96, 96, 16, 32, 64), Window(96, 96, 16, 32, 64, mirrored=True)
    again = Window(64, 64, 0, 0, 64, mirrored=True)
    twice = again.pixels(Image.fromarray(mirrored.pixels(image)))
    assert np.array_equal(twice, plain.pixels(image))
    there = again.points(mirrored.points(points, (96, 96)), (64, 64))
    assert len(there) > 5
    assert np.allclose(there, plain.points(points, (96, 96)))


def test_mirroring_then_scaling_is_scaling_then_mirroring():
    image, points = noise(50, 50), np.array([[10.0, 20.0], [49.0, 1.0]])
    mirror, grow = Window(50, 50, 0, 0, 50, mirrored=True), Window(100, 100, 0, 0, 100)
    first = grow.points(mirror.points(points, (50, 50)), (50, 50))
    both = Window(100, 100, 0, 0, 100, mirrored=True)
    assert first.tolist() == both.points(points, (50, 50)).tolist() == [[80.0, 40.0], [2.0, 2.0]]
    assert np.array_equal(grow.pixels(Image.fromarray(mirror.pixels(image))), both.pixels(image))


def test_neighbouring_windows_hold_every_point_exactly_once():
    borders = list(itertools.product(range(0, 96, 16), repeat=2))
    points = np.array([*borders, *np.random.default_rng(0).uniform(0, 96, (200, 2))], dtype=float)
    held = [
        Window(96, 96, left, top, 32).points(points, (96, 96)) + np.array([left, top])
        for left in (0, 32, 64)
        for top in (0, 32, 64)
    ]
    assert sorted(np.concatenate(held).tolist()) == sorted(points.tolist())


def test_a_window_is_half_open():
    points = np.array([[0.0, 0.0], [31.999, 31.999], [32.0, 5.0], [5.0, 32.0], [-0.001, 5.0], [5.0, -0.001]])
    assert Window(64, 64, 0, 0, 32).points(points, (64, 64)).tolist() == [[0.0, 0.0], [31.999, 31.999]]


def test_a_window_leaves_the_points_it_is_given():
    points = np.array([[10.0, 20.0], [30.0, 1.0]])
    Window(64, 64, 0, 0, 64, mirrored=True).points(points, (64, 64))
    assert points.tolist() == [[10.0, 20.0], [30.0, 1.0]]


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize(("width", "height"), [(160, 120), (113, 85), (208, 156), (150, 130)])
def test_a_window_shows_the_pixels_of_the_whole_image_scaled_and_cropped(width, height, mirrored):
    """Up to the rounding of Pillow's two passes; a crop half a pixel off would differ by tens everywhere."""
    image = noise(160, 120)
    scaled = np.asarray(image.resize((width, height), Image.Resampling.BILINEAR)).astype(int)
    for left, top in [(0, 0), (11, 7), (width - 64, height - 64)]:
        there = scaled[top : top + 64, left : left + 64]
        here = Window(width, height, left, top, 64, mirrored).pixels(image).astype(int)
        difference = np.abs(here - (there[:, ::-1] if mirrored else there))
        assert difference.max() <= 2
        assert difference.mean() < 0.1


def test_at_its_own_size_an_images_pixels_are_its_own():
    image = noise(80, 70)
    assert np.array_equal(Window(80, 70, 5, 6, 48).pixels(image), np.asarray(image)[6:54, 5:53])


def test_a_small_image_is_padded_right_and_below_with_the_mean_colour():
    image = noise(20, 10)
    shown = Window(20, 10, 0, 0, 32).pixels(image)
    assert shown.shape == (32, 32, 3)
    assert np.array_equal(shown[:10, :20], np.asarray(image))
    assert (shown[10:] == MEAN_COLOUR).all()
    assert (shown[:, 20:] == MEAN_COLOUR).all()


def test_a_small_image_mirrored_has_its_padding_on_the_left_and_its_points_with_it():
    image = dotted(20, 10, 8, 5)
    window = Window(20, 10, 0, 0, 32, mirrored=True)
    shown = window.pixels(image)
    assert (shown[:, :12] == MEAN_COLOUR).all()
    assert np.array_equal(shown[:10, 12:], np.asarray(image)[:, ::-1])
    assert window.points(np.array([[8.0, 5.0]]), (20, 10)).tolist() == [[24.0, 5.0]]


def test_points_beyond_a_small_image_are_not_in_its_padding():
    points = np.array([[5.0, 5.0], [20.0, 5.0], [25.0, 5.0], [5.0, 10.0], [5.0, 20.0]])
    assert Window(20, 10, 0, 0, 32).points(points, (20, 10)).tolist() == [[5.0, 5.0]]


def test_an_image_of_one_pixel_gives_a_window():
    window = random_window((1, 1), Config(), np.random.default_rng(0))
    shown = window.pixels(Image.new("RGB", (1, 1), (1, 2, 3)))
    assert shown.shape == (128, 128, 3)
    assert (shown == (1, 2, 3)).all(axis=2).sum() == 1


def windows(size, number=400, **values):
    random = np.random.default_rng(0)
    return [random_window(size, Config(**values), random) for _ in range(number)]


@pytest.mark.parametrize("size", [(300, 200), (128, 128), (1000, 130), (181, 184)])
def test_a_random_window_lies_in_an_image_scaled_by_0_7_to_1_3_whose_shorter_side_is_128_or_more(size):
    for window in windows(size):
        assert 0 <= window.left <= window.width - 128
        assert 0 <= window.top <= window.height - 128
        for side, scaled in zip(size, (window.width, window.height), strict=True):
            assert min(0.7, 128 / min(size)) * side - 0.5 <= scaled or scaled == 128
            assert scaled <= 1.3 * side + 0.5
        assert window.width / window.height == pytest.approx(size[0] / size[1], rel=0.01)


def test_random_windows_take_all_scales_places_and_sides():
    drawn = windows((300, 200))
    scales = [window.width / 300 for window in drawn]
    assert min(scales) < 0.72
    assert max(scales) > 1.28
    assert np.mean(scales) == pytest.approx(1.0, abs=0.03)
    assert {0, 1} <= {window.top - 0 for window in drawn} | {window.left for window in drawn}
    assert any(window.left == window.width - 128 for window in drawn)
    assert 0.4 < np.mean([window.mirrored for window in drawn]) < 0.6


@pytest.mark.parametrize(("flip", "share"), [(0.0, 0.0), (1.0, 1.0)])
def test_flip_is_the_share_of_mirrored_windows(flip, share):
    assert np.mean([window.mirrored for window in windows((300, 200), 50, flip=flip)]) == share


def test_a_window_of_another_side_is_the_configs_crop():
    assert {window.side for window in windows((300, 200), 20, crop=64)} == {64}


def test_an_image_smaller_than_the_crop_is_not_shrunk_and_begins_at_its_corner():
    for window in windows((90, 60)):
        assert (window.left, window.top) == (0, 0)
        assert 90 <= window.width <= 117
        assert 60 <= window.height <= 78


def test_the_same_numbers_draw_the_same_window():
    one, two = (random_window((300, 200), Config(), np.random.default_rng([1, 2])) for _ in range(2))
    assert one == two


def test_max_side_scales_points_by_the_new_size_over_the_old_on_each_axis():
    """3000 x 2000 becomes 1408 x 939, not 938.67."""
    image, points = resize(noise(3000, 2000), np.array([[3000.0, 2000.0], [1500.0, 500.0], [0.0, 0.0]]), 1408)
    assert image.size == (1408, 939)
    assert points.tolist() == [[1408.0, 939.0], [704.0, 234.75], [0.0, 0.0]]


def test_half_a_pixel_of_the_new_size_is_seen_exactly():
    """3059 * 300 / 3864 is 237.5, rounded to an even number; 3059 * (300 / 3864) is a little less."""
    assert resize(noise(3864, 3059), np.zeros((0, 2)), 300)[0].size == (300, 238)


def test_max_side_moves_points_with_pixels():
    image, [point] = resize(dotted(1000, 700, 613, 401), np.array([[613.0, 401.0]]), 300)
    assert centre_of_light(np.asarray(image)) == pytest.approx(tuple(point), abs=0.1)


@pytest.mark.parametrize(("max_side", "size"), [(0, (375, 250)), (150, (188, 125)), (400, (375, 250))])
def test_zoom_enlarges_what_max_side_leaves_in_one_go(max_side, size):
    """188 is 187.5 rounded to an even number, and the points follow."""
    image, [point] = resize(dotted(300, 200, 120, 80), np.array([[120.0, 80.0]]), max_side, 1.25)
    assert image.size == size
    assert point.tolist() == [120 * size[0] / 300, 80 * size[1] / 200]
    assert centre_of_light(np.asarray(image)) == pytest.approx(tuple(point), abs=0.1)


@pytest.mark.parametrize("max_side", [0, 300, 301])
def test_an_image_within_max_side_is_as_it_was(max_side):
    image, points = noise(300, 200), np.array([[1.5, 2.5]])
    small, same = resize(image, points, max_side)
    assert small is image
    assert same.tolist() == [[1.5, 2.5]]


def test_a_line_of_pixels_keeps_one():
    assert resize(noise(1000, 1), np.zeros((0, 2)), 100)[0].size == (100, 1)
