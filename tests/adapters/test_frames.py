"""Points from scaled images, tiles and mirror images return to their positions in the image."""

import numpy as np
import pytest

from crowdeval.adapters import Image
from crowdeval.adapters.frames import Frames, predict_in_frames
from crowdeval.errors import PredictorError, UsageError


class Dots:
    """Predicts a point at the centre of each bright pixel; the confidence is the brightness."""

    name, revision = "dots", "1"

    def __init__(self, batch_size=3):
        self.batch_size = batch_size
        self.shapes = []

    def predict(self, images):
        assert len(images) <= self.batch_size
        return [self.one(image.pixels) for image in images]

    def one(self, pixels):
        self.shapes.append(pixels.shape)
        rows, columns = np.nonzero(pixels[..., 0] > 100)
        return np.column_stack([columns + 0.5, rows + 0.5]), pixels[rows, columns, 0] / 255


def dotted(height, width, number, seed=0):
    rng = np.random.default_rng(seed)
    pixels = np.zeros((height, width, 3), dtype=np.uint8)
    places = rng.choice(height * width, number, replace=False)
    pixels.reshape(-1, 3)[places] = rng.integers(120, 256, (number, 1))
    return Image(id="a", pixels=pixels)


def in_order(answer):
    order = np.lexsort((answer.xy[:, 1], answer.xy[:, 0]))
    return answer.xy[order], answer.score[order]


@pytest.mark.parametrize("tile", [40, 64, 100, 1000])
@pytest.mark.parametrize("shape", [(90, 130), (64, 64), (300, 33), (1, 1)])
def test_tiles_give_every_point_once(tile, shape):
    image = dotted(*shape, min(60, shape[0] * shape[1]))
    dots = Dots()
    (cut,) = predict_in_frames(dots, [image], Frames(tile=tile, overlap=10, merge=0))
    (whole,) = predict_in_frames(Dots(), [image], Frames())
    for a, b in zip(in_order(cut), in_order(whole), strict=True):
        np.testing.assert_array_equal(a, b)
    assert max(max(s[:2]) for s in dots.shapes) <= tile


def test_a_mirrored_image_gives_the_same_points():
    image = dotted(50, 71, 40)
    (both,) = predict_in_frames(Dots(), [image], Frames(flip=True, merge=0.1))
    (whole,) = predict_in_frames(Dots(), [image], Frames())
    for a, b in zip(in_order(both), in_order(whole), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-15)


def test_tiles_and_mirror_together():
    image = dotted(150, 171, 80)
    (both,) = predict_in_frames(Dots(), [image], Frames(tile=64, overlap=8, flip=True, merge=0.1))
    (whole,) = predict_in_frames(Dots(), [image], Frames())
    for a, b in zip(in_order(both), in_order(whole), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-15)


def test_points_of_a_smaller_frame_go_back_exactly():
    pixels = np.zeros((100, 300, 3), dtype=np.uint8)
    pixels[40:50, 90:120] = 255
    (answer,) = predict_in_frames(Dots(), [Image(id="a", pixels=pixels)], Frames(max_side=60))
    assert answer.xy.mean(axis=0).tolist() == pytest.approx([105, 45])


def test_a_person_on_a_seam_is_one():
    class Unsure:
        name, revision = "unsure", "1"

        def predict(self, images):
            # the left tile puts the person half a pixel left of the seam, the right one half a pixel right of it
            return [(np.array([[49.5, 20.0]]), [0.6]) if image.pixels[0, 0, 0] == 1
                    else (np.array([[10.5, 20.0]]), [0.9]) for image in images]  # fmt: skip

    pixels = np.zeros((50, 100, 3), dtype=np.uint8)
    pixels[0, 0] = 1
    (answer,) = predict_in_frames(Unsure(), [Image(id="a", pixels=pixels)], Frames(tile=70, overlap=10, merge=3))
    assert answer.xy.tolist() == [[50.5, 20.0]]
    assert answer.score.tolist() == [0.9]
    (answer,) = predict_in_frames(Unsure(), [Image(id="a", pixels=pixels)], Frames(tile=70, overlap=10, merge=0.5))
    assert len(answer.xy) == 2


def test_a_point_seen_in_one_of_two_mirror_images_keeps_half_its_confidence():
    class Left:
        name, revision = "left", "1"

        def predict(self, images):
            return [([[3.0, 4.0]], [0.8]) for _ in images]

    (answer,) = predict_in_frames(Left(), [dotted(20, 30, 1)], Frames(flip=True, merge=2))
    assert sorted(map(tuple, answer.xy.tolist())) == [(3, 4), (27, 4)]
    assert answer.score.tolist() == [0.4, 0.4]


def test_counts_are_averaged_over_mirror_images_and_refused_over_tiles():
    class Count:
        name, revision = "count", "1"

        def predict(self, images):
            return [{"count": 10 + 2 * int(image.pixels[0, 0, 0] > 0)} for image in images]

    pixels = np.zeros((50, 100, 3), dtype=np.uint8)
    pixels[0, 0] = 255
    image = Image(id="a", pixels=pixels)
    assert predict_in_frames(Count(), [image], Frames(flip=True))[0].count == 11
    with pytest.raises(PredictorError, match=r"count@1, image 'a': .*found a count.*leave out --tile"):
        predict_in_frames(Count(), [image], Frames(tile=64, overlap=8))


@pytest.mark.parametrize(
    "options", [{"tile": 8}, {"max_side": 2}, {"tile": 100, "overlap": 50}, {"overlap": -1}, {"merge": -1}]
)
def test_frames_that_are_not_valid_are_refused(options):
    with pytest.raises(UsageError):
        Frames(**options)
