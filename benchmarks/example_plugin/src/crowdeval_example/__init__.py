"""A predictor in ten lines: the brightest pixel of each square of an image; its brightness is the confidence."""

import numpy as np


class BrightSpots:
    """The brightest pixel of each square: a baseline for detectors, without any learning.

    Parameters
    ----------
    side : int
        Side of the squares in pixels.
    """

    name, revision = "bright-spots", "1.0.0"

    def __init__(self, *, side: int = 32) -> None:
        self.side = side

    def predict(self, images):
        """Return (points, scores) for each image; points are x, y in pixels."""
        return [self._spots(image.pixels.mean(axis=2) / 255) for image in images]

    def _spots(self, brightness):
        height, width = brightness.shape
        corners = [(y, x) for y in range(0, height, self.side) for x in range(0, width, self.side)]
        squares = [brightness[y : y + self.side, x : x + self.side] for y, x in corners]
        peaks = np.array([np.unravel_index(np.argmax(square), square.shape) for square in squares])
        # Peaks and corners are (row, column): reversed they are x, y, and half a pixel further is the pixel's centre.
        return (peaks + corners)[:, ::-1] + 0.5, np.array([square.max() for square in squares])
