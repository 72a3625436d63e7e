"""How fast a run feeds a predictor: decoding alone, runs with and without decoding ahead, in turns of one process.

    python benchmarks/performance/throughput.py [--images 96] [--megapixels 8] [--turns 3]

The images are JPEGs that the program draws. "Decoding" is all images decoded by a pool of one thread a core and thrown
away; a predictor that does nothing should take no longer, and one of 20 ms for a batch of 8 hardly longer. "In line" is
a run in which the images of a batch are decoded when the batch is due.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from unittest import mock

import numpy as np
from PIL import Image

from crowdeval.datasets import Split, open_images
from crowdeval.runs import run as run_module
from crowdeval.runs.ahead import Ahead
from crowdeval.runs.images import Pixels
from crowdeval.runs.run import Plan, run

BATCH = 8


class Idle:
    """A predictor that waits and finds nobody."""

    name, batch_size = "idle", BATCH

    def __init__(self, seconds: float) -> None:
        self.seconds, self.revision = seconds, str(time.perf_counter_ns())

    def predict(self, images):
        time.sleep(self.seconds)
        return [np.empty((0, 3)) for _ in images]


def draw(folder: Path, number: int, megapixels: float) -> None:
    """Write JPEGs of smooth noise, which compress like photos."""
    random = np.random.default_rng(0)
    width, height = round((megapixels * 4 / 3) ** 0.5 * 1000), round((megapixels * 3 / 4) ** 0.5 * 1000)
    for i in range(number):
        small = Image.fromarray(random.integers(0, 256, (height // 8, width // 8, 3), dtype=np.uint8))
        small.resize((width, height), Image.Resampling.BICUBIC).save(folder / f"{i:03d}.jpg", quality=90)


def decoding(split: Split) -> None:
    """Decode all images on all cores."""
    pixels = Pixels(split, 1 << 40, wanted=True)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for _ in pool.map(lambda number: pixels.image(number).pixels.shape, range(len(split.image_paths))):
            pass


def timed(split: Split, home: Path, seconds: float, *, ahead: bool) -> None:
    """Run an idle predictor once."""

    def in_line(make, order, size):
        return Ahead(make, [], size)

    with mock.patch.object(run_module, "Ahead", Ahead if ahead else in_line):
        outcome = run(Plan(adapter="idle"), Idle(seconds), split, home)
    assert outcome.done == len(split.image_paths), "every image is predicted"


def main() -> None:
    """Print the medians and the ratios."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--images", type=int, default=96)
    parser.add_argument("--megapixels", type=float, default=8)
    parser.add_argument("--turns", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        (home / "images").mkdir()
        draw(home / "images", options.images, options.megapixels)
        split = open_images(str(home / "images"))
        works = {
            "decoding": lambda: decoding(split),
            "ahead, 0 ms": lambda: timed(split, home / "runs", 0, ahead=True),
            "ahead, 20 ms": lambda: timed(split, home / "runs", 0.02, ahead=True),
            "in line, 0 ms": lambda: timed(split, home / "runs", 0, ahead=False),
            "in line, 20 ms": lambda: timed(split, home / "runs", 0.02, ahead=False),
        }
        seconds: dict[str, list[float]] = {work: [] for work in works}
        for _ in range(options.turns):
            for work, do in works.items():
                began = time.perf_counter()
                do()
                seconds[work].append(time.perf_counter() - began)
    base = median(seconds["decoding"])
    print(f"{options.images} images of {options.megapixels:g} megapixels, {os.cpu_count()} cores, batches of {BATCH}")
    for work, values in seconds.items():
        speed = options.images / median(values)
        print(f"{work:15}  {median(values):6.2f} s  {speed:6.1f} images/s  {base / median(values):5.0%} of decoding")


if __name__ == "__main__":
    main()
