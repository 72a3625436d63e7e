import numpy as np

from crowdeval.adapters import Image, answers, load_adapter


def test_every_square_has_its_brightest_pixel():
    pixels = np.zeros((20, 30, 3), dtype=np.uint8)
    pixels[4, 7] = 255
    pixels[15, 29] = 51
    [answer] = answers(load_adapter("bright-spots", ["side=20"]), [Image(id="a", pixels=pixels)])
    assert answer.xy.tolist() == [[7.5, 4.5], [29.5, 15.5]]
    assert answer.score.tolist() == [1.0, 0.2]
