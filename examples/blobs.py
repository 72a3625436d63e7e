"""A short predictor: a head is a small blob, darker than the places left, right, above and below.

Run it from the root of the repository with

    crowdeval predict examples/blobs.py:Blobs folder:examples/crowd_images -o runs/
"""

import numpy as np
from scipy.ndimage import gaussian_filter, maximum_filter


def darkness(grey, sigma):
    """How much darker a blurred image is than itself, moved by one head's width to each of four sides."""
    blurred, step = gaussian_filter(grey, sigma), max(1, round(2.2 * sigma))
    moved = [np.roll(blurred, shift, axis) for shift in (-step, step) for axis in (0, 1)]
    return np.min(moved, axis=0) - blurred


class Blobs:
    """Dark blobs: their size (sigma, pixels) grows from ``far`` in the top row to ``near`` in the bottom row."""

    name, revision = "blobs", "1.0"

    def __init__(self, far: float = 0.8, near: float = 2.5):
        self.sigmas = np.linspace(far, near, 6)

    def predict(self, images):
        return [self.heads(image.pixels.mean(axis=2)) for image in images]

    def heads(self, grey):
        rows = np.arange(len(grey))
        size = np.rint(np.linspace(0, 5, len(grey))).astype(int)  # of a row: index into sigmas
        dark = np.stack([darkness(grey, sigma) for sigma in self.sigmas])[size, rows]
        y, x = np.nonzero((dark == maximum_filter(dark, size=5)) & (dark > 1))
        return np.column_stack([x, y]) + 0.5, 1 - np.exp(-dark[y, x] / 10)


class FlatBlobs(Blobs):
    """Blobs of one size: without perspective."""

    name = "flat-blobs"

    def __init__(self, sigma: float = 1.2):
        super().__init__(sigma, sigma)
