"""Image files of every mode become RGB of 8 bits."""

import numpy as np
import pytest
from PIL import Image

from crowdeval.adapters.pixels import rgb


def saved(tmp_path, pixels):
    Image.fromarray(pixels).save(tmp_path / "a.png")
    return rgb(Image.open(tmp_path / "a.png"))


def test_colours_stay_as_they_are(tmp_path):
    pixels = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
    assert np.array_equal(saved(tmp_path, pixels), pixels)


def test_grey_is_repeated(tmp_path):
    pixels = np.array([[0, 7, 255]], dtype=np.uint8)
    assert saved(tmp_path, pixels).tolist() == [[[0] * 3, [7] * 3, [255] * 3]]


def test_sixteen_bits_are_scaled_not_cut_off(tmp_path):
    pixels = np.array([[0, 255, 256, 0x7FFF, 0xFFFF]], dtype=np.uint16)
    assert saved(tmp_path, pixels)[0, :, 0].tolist() == [0, 0, 1, 127, 255]
    assert saved(tmp_path, pixels).shape == (1, 5, 3)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGBA", "CMYK", "I;16"])
def test_every_mode_has_three_channels_of_eight_bits(mode):
    found = rgb(Image.new(mode, (4, 3)))
    assert (found.shape, found.dtype) == ((3, 4, 3), np.uint8)
