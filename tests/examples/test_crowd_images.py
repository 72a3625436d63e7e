"""The drawn images are what their generator draws, and the way from images to a leaderboard works offline."""

import csv
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT
from PIL import Image

import crowdeval

EXAMPLES = ROOT / "examples"
FOLDER = EXAMPLES / "crowd_images"


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """The folder as the generator draws it now."""
    folder = tmp_path_factory.mktemp("drawn")
    subprocess.run([sys.executable, "-B", FOLDER / "generate.py", folder], check=True)
    return folder


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """A folder with nothing but the examples, in which both predictors ran."""
    home = tmp_path_factory.mktemp("clone")
    shutil.copytree(EXAMPLES, home / "examples", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("Blobs", "FlatBlobs"):
        run(home, "predict", f"examples/blobs.py:{name}", "folder:examples/crowd_images", "-o", "runs/")
    return home


def run(home, *args):
    """Run the command line in another process; returns its standard output."""
    environment = {key: value for key, value in os.environ.items() if key != "CROWDEVAL_DATA"}
    environment |= {"PYTHONPATH": str(Path(crowdeval.__file__).parents[1]), "XDG_CACHE_HOME": str(home / "cache")}
    command = [sys.executable, "-B", "-m", "crowdeval", *args]
    done = subprocess.run(command, cwd=home, env=environment, capture_output=True, text=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    return done.stdout


def truth(folder):
    return json.loads((folder / "annotations.json").read_text())["images"]


def pixels(path):
    with Image.open(path) as image:
        return np.asarray(image).astype(int)


def nap_of(text):
    return float(re.search(r"^nAP +([0-9.]+)", text, re.MULTILINE).group(1))


def test_the_generator_writes_the_committed_truth(drawn):
    assert truth(drawn) == truth(FOLDER)


def test_the_generator_draws_the_committed_images(drawn):
    names = sorted(path.name for path in (FOLDER / "images").iterdir())
    assert names == sorted(path.name for path in (drawn / "images").iterdir())
    for name in names:
        difference = np.abs(pixels(drawn / "images" / name) - pixels(FOLDER / "images" / name))
        assert difference.mean() < 0.5, name  # JPEG encoders round differently
        assert difference.max() <= 32, name


def test_twenty_images_hold_from_no_people_to_150():
    counts = [len(image["points"]) for image in truth(FOLDER)]
    assert len(counts) == 20
    assert counts == sorted(counts)
    assert counts[:2] == [0, 3]
    assert 140 <= counts[-1] <= 160


def test_far_heads_are_smaller_than_near_ones():
    for image in truth(FOLDER)[-8:]:
        boxes = sorted(image["boxes"], key=lambda box: box[1])
        heights = [bottom - top for _, top, _, bottom in boxes]
        assert np.mean(heights[-10:]) > 2 * np.mean(heights[:10])


def test_the_folder_is_smaller_than_a_megabyte():
    assert sum(path.stat().st_size for path in FOLDER.rglob("*") if path.is_file()) < 1_000_000


def test_a_box_holds_its_point_and_lies_in_the_image():
    for image in truth(FOLDER):
        assert len(image["boxes"]) == len(image["points"])
        for (x, y), (left, top, right, bottom) in zip(image["points"], image["boxes"], strict=True):
            assert 0 <= left <= x <= right <= image["width"] == 320
            assert 0 <= top <= y <= bottom <= image["height"] == 240


def test_the_ten_line_predictor_is_good_but_not_perfect(clone):
    (folder,) = clone.glob("runs/folder-examples_crowd_images/blobs@1.0/*")
    assert 0.40 < nap_of(run(clone, "score", str(folder.relative_to(clone)))) < 0.52


def test_the_readme_shows_the_number_of_the_predictor(clone):
    (folder,) = clone.glob("runs/folder-examples_crowd_images/blobs@1.0/*")
    scored = nap_of(run(clone, "score", str(folder.relative_to(clone))))
    assert nap_of((EXAMPLES / "README.md").read_text(encoding="utf-8")) == pytest.approx(scored, abs=0.005)


def test_the_leaderboard_ranks_the_model_with_perspective_first(clone):
    run(clone, "leaderboard", "runs/", "-o", "leaderboard.csv")
    with open(clone / "leaderboard.csv", newline="", encoding="utf-8") as file:
        first, second = csv.DictReader(file)
    assert [first["model"], first["rank"]] == ["blobs", "1"]
    assert [second["model"], second["rank"]] == ["flat-blobs", "2"]
    assert float(first["nAP"]) > float(second["nAP"]) + 0.02
    assert float(first["MAE"]) < float(second["MAE"])
