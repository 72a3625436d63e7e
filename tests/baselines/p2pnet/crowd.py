"""A crowd that is learned in seconds: bright heads on dark ground, a model of thin layers, and its command line.

Run as a program, with the arguments of ``python -m baselines.p2pnet``, the trunk "thin" is known beside the others.
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
"""A model and a training of a second or two."""


THIN = (4, 4, "M", 6, 6, "M", 8, 8, 8, "M", 8, 8, 8, "M", 8, 8, 8)
"""VGG-16's convolutions and poolings."""


def thin_trunk():
    """A vgg16_bn in everything but its channels."""
    features = make_layers(list(THIN), batch_norm=True)
    pools = [index for index, layer in enumerate(features) if isinstance(layer, torch.nn.MaxPool2d)]
    stages = [features[start:end] for start, end in itertools.pairwise([0, *pools[2:], len(features)])]
    blocks = [features[start:end] for start, end in itertools.pairwise([0, *pools, len(features)])]
    return Trunk(stages, (8, 8, 8), blocks, {f"stages.{index}": "features" for index in range(3)})


@pytest.fixture(autouse=True)
def thin(monkeypatch):
    """Make the thin trunk one that a config can name."""
    monkeypatch.setitem(TRUNKS, "thin", thin_trunk)


def config(**values):
    return Config(**{**VALUES, **values})


def settings(**values):
    """The same config as the command line takes it."""
    texts = [
        f"{name}={value if isinstance(value, str) else json.dumps(value)}"
        for name, value in {**VALUES, **values}.items()
    ]
    return [part for text in texts for part in ("-s", text)]


def picture(points, size, seed=0):
    """Pixels (H, W, 3) of an image of ``size`` (width, height) with a bright disc at every point."""
    random = np.random.default_rng(seed)
    pixels = random.integers(20, 60, (size[1], size[0], 3))
    y, x = np.mgrid[: size[1], : size[0]] + 0.5
    for at in points:
        pixels[(x - at[0]) ** 2 + (y - at[1]) ** 2 < 9] = (230, 220, 200)
    return pixels.astype(np.uint8)


def photos(folder, number=8, *, size=(96, 80), heads=5, seed=0):
    """Write images and a list file of them; return the list file's path, a source."""
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
    """A list file of a few photos."""
    return photos(tmp_path / "photos")


def trainer(home, source, **values):
    """A training of a list file's images, or of two sources, in a folder of its own or that it goes on in."""
    settings = config(**values)
    if isinstance(source, tuple):
        learned, held = map(samples, source)
    else:
        learned, held = set_aside(samples(source), settings.validation_share, settings.validation_seed)
    folder = RunFolder(home)
    folder.begin(resume=home.exists())
    return Trainer(settings, learned, held, folder, torch.device("cpu"), processes=Processes())


def trained(home, source, **values):
    """The training, run to its end."""
    one = trainer(home, source, **values)
    one.run()
    return one


def weights_in(path):
    return load_file(path)


def losses_in(home):
    return [each["loss"] for each in steps_in(home)]


def environment():
    """What a program needs to import what this one does, on one thread."""
    paths = [str(Path(each).resolve()) for each in sys.path if Path(each or ".").is_dir()]
    return {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(paths), "CUDA_VISIBLE_DEVICES": ""}


def program(*args):
    """Start the command line in a process of its own."""
    return subprocess.Popen(
        [sys.executable, __file__, *map(str, args)],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def done(process):
    """Wait for a program that is to succeed; return what it printed."""
    out, err = process.communicate()
    assert process.returncode == 0, err
    return out


def steps_in(folder):
    """The log's entries of steps, without their times."""
    entries = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return [{key: value for key, value in each.items() if key != "seconds"} for each in entries if "loss" in each]


def validations_in(folder):
    entries = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return [each for each in entries if "validation" in each]


if __name__ == "__main__":
    from baselines.p2pnet.cli import main

    TRUNKS["thin"] = thin_trunk
    main()
