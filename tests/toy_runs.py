"""A folder of small images with bright pixels, and a predictor that finds them or fails in many ways."""

import json

import numpy as np
import pytest
from PIL import Image as Pillow

ADAPTER = """
import os, sys, time
import numpy as np

class Spots:
    name, revision, batch_size = "spots", "1", 2

    def __init__(self, pause: float = 0.0, bad: str = "", how: str = "raise"):
        self.pause, self.bad, self.how = pause, bad.split(","), how

    def predict(self, images):
        print("chatter on standard output")
        return [self.one(image) for image in images]

    def one(self, image):
        time.sleep(self.pause)
        if image.id in self.bad:
            return self.fail()
        rows, columns = np.nonzero(image.pixels[..., 0] > 100)
        return np.column_stack([columns, rows]) + 0.5, image.pixels[rows, columns, 0] / 255

    def fail(self):
        if self.how == "raise":
            raise RuntimeError("out of luck")
        if self.how == "hang":
            time.sleep(60)
        if self.how == "swallow":
            for _ in range(600):
                try:
                    time.sleep(0.1)
                except Exception:
                    pass
        if self.how == "exit":
            sys.exit(3)
        return {"nan": ([[float("nan"), 1]], [0.5]), "shape": [[1, 2, 3, 4]], "none": None, "count": {"count": 3},
                "scores": ([[1, 2]], [0.5, 0.6]), "key": {"point": []},
                "unscored": [[1, 2]], "ragged": ([[1, 2], [3]], [0.5, 0.5])}[self.how]
"""


@pytest.fixture
def dataset(tmp_path):
    """A folder of 23 small images, and their true points: a bright pixel each."""
    rng = np.random.default_rng(5)
    home = tmp_path / "crowd"
    home.mkdir()
    truth = {}
    for i in range(23):
        pixels = np.zeros((40, 60, 3), dtype=np.uint8)
        rows, columns = rng.integers(0, 40, 12), rng.integers(0, 60, 12)
        pixels[rows, columns] = rng.integers(120, 256, (12, 1))
        Pillow.fromarray(pixels).save(home / f"img_{i:02d}.png")
        places = sorted({(int(c), int(r)) for r, c in zip(rows, columns, strict=True)})
        truth[f"img_{i:02d}"] = [[x + 0.5, y + 0.5] for x, y in places]
    (home / "points.json").write_text(json.dumps(truth))
    (tmp_path / "spots.py").write_text(ADAPTER)
    return tmp_path
