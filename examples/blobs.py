"""A predictor of ten lines: a head is a dark blob.

Run it with

    crowdeval predict examples/blobs.py:Blobs folder:examples/crowd_images -o runs/
"""

import numpy as np
from scipy.ndimage import gaussian_filter, maximum_filter


class Blobs:
    """Heads at the local maxima of differences of Gaussians; ``sizes`` sizes of heads, each 1.4 times the last."""

    name, revision = "blobs", "1.0"

    def __init__(self, sizes: int = 4):
        self.sigmas = 1.5 * 1.4 ** np.arange(sizes)

    def predict(self, images):
        return [self.heads(image.pixels.mean(axis=2)) for image in images]

    def heads(self, grey):
        response = np.stack([gaussian_filter(grey, 1.6 * s) - gaussian_filter(grey, s) for s in self.sigmas])
        best = response.max(axis=0)  # over the sizes
        rows, columns = np.nonzero((best == maximum_filter(best, size=7)) & (best > 3))
        return np.column_stack([columns, rows]) + 0.5, 1 - np.exp(-best[rows, columns] / 20)
