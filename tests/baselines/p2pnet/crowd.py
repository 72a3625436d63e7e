"""Images, a model and a training that take seconds: bright heads on dark ground, and a trunk of thin layers.

This file is also a program: ``python -m baselines.p2pnet`` with the trunk "thin" among the trunks.
"""

import itertools
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from torchvision.models.vgg import make_layers

from baselines.p2pnet import Config
from baselines.p2pnet.devices import Processes
from baselines.p2pnet.run_files import RunFolder
from baselines.p2pnet.samples import samples, set_aside
from baselines.p2pnet.training import Trainer
from baselines.p2pnet.trunks import TRUNKS, Trunk

VALUES = {
    "backbone": "thin",
    "width": 8,
    "gamma": 20.0,
    "crop": 64,
    "crops": 2,
    "batch_size": 2,
    "lr": 5e-3,
    "lr_backbone": 5e-3,
    "clip": 1.0,
    "backbone_weights": "none",
    "validation_share": 0.25,
}
"""Config of a model that trains in a second or two."""


THIN = (4, 4, "M", 6, 6, "M", 8, 8, 8, "M", 8, 8, 8, "M", 8, 8, 8)
"""Channels of the convolutions, and poolings, in the order of VGG-16."""


def thin_trunk():
    """Return a vgg16_bn trunk with few channels."""
    features = make_layers(list(THIN), batch_norm=True)
    pools = [index for index, layer in enumerate(features) if isinstance(layer, torch.nn.MaxPool2d)]
    stages = [features[start:end] for start, end in itertools.pairwise([0, *pools[2:], len(features)])]
    blocks = [features[start:end] for start, end in itertools.pairwise([0, *pools, len(features)])]
    return Trunk(stages, (8, 8, 8), blocks, {f"stages.{index}": "features" for index in range(3)})


@pytest.fixture(autouse=True)
def thin(monkeypatch):
    """Add the thin trunk to those that a config can name."""
    monkeypatch.setitem(TRUNKS, "thin", thin_trunk)


def config(**values):
    return Config(**{**VALUES, **values})


def settings(**values):
    """Return the same config as options of the command line."""
    texts = [
        f"{name}={value if isinstance(value, str) else json.dumps(value)}"
        for name, value in {**VALUES, **values}.items()
    ]
    return [part for text in texts for part in ("-s", text)]


def picture(points, size, seed=0):
    """Return pixels (H, W, 3) of an image of ``size`` (width, height) with a bright disc at every point."""
    random = np.random.default_rng(seed)
    pixels = random.integers(20, 60, (size[1], size[0], 3))
    y, x = np.mgrid[: size[1], : size[0]] + 0.5
    for point in points:
        pixels[(x - point[0]) ** 2 + (y - point[1]) ** 2 < 9] = (230, 220, 200)
    return pixels.astype(np.uint8)


def write_photos(folder, number=8, *, size=(96, 80), heads=5, seed=0):
    """Write images with labels and their list file; return the path of the list file."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(seed)
    lines = []
    for index in range(number):
        points = np.round(random.uniform(5, np.array(size) - 5, (heads, 2)), 1)
        Image.fromarray(picture(points, size, index)).save(folder / f"img_{index}.png")
        (folder / f"img_{index}.txt").write_text("".join(f"{x} {y}\n" for x, y in points))
        lines.append(f"img_{index}.png img_{index}.txt\n")
    (folder / "list.txt").write_text("".join(lines))
    return str(folder / "list.txt")


@pytest.fixture
def source(tmp_path):
    """The path of a list file of eight images."""
    return write_photos(tmp_path / "photos")


def trainer(home, source, **values):
    """Return a Trainer for a list file, or for a pair of sources; a run that is in the folder is resumed."""
    values = config(**values)
    if isinstance(source, tuple):
        train_images, validation_images = map(samples, source)
    else:
        train_images, validation_images = set_aside(samples(source), values.validation_share, values.validation_seed)
    folder = RunFolder(home)
    folder.begin(resume=home.exists())
    return Trainer(values, train_images, validation_images, folder, torch.device("cpu"), processes=Processes())


def train(home, source, **values):
    """Train to the end and return the Trainer."""
    run = trainer(home, source, **values)
    run.run()
    return run


def weights_in(path):
    return load_file(path)


def losses_in(home):
    return [each["loss"] for each in steps_in(home)]


def environment():
    """Return the environment of a process that imports the same packages, on one thread."""
    paths = [str(Path(each).resolve()) for each in sys.path if Path(each or ".").is_dir()]
    return {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(paths), "CUDA_VISIBLE_DEVICES": ""}


def start_program(*args):
    """Start the command line in a process of its own."""
    return subprocess.Popen(
        [sys.executable, __file__, *map(str, args)],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(process):
    """Wait for a program, check that it succeeded, and return its output."""
    out, err = process.communicate()
    assert process.returncode == 0, err
    return out


def steps_in(folder):
    """Return the log's entries of steps, without their times."""
    entries = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return [{key: value for key, value in each.items() if key != "seconds"} for each in entries if "loss" in each]


def validations_in(folder):
    entries = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return [each for each in entries if "validation" in each]


if __name__ == "__main__":
    from baselines.p2pnet.cli import main

    TRUNKS["thin"] = thin_trunk
    main()
