"""What strangers' predictors and folders do: each is right, or one clear line."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from crowdeval.datasets import open_images
from crowdeval.errors import MissingFileError, UsageError

CODE = """
import os, sys
import numpy as np

def good(pixels):
    return [[3.0, 4.0]]

def wanders(pixels):
    os.chdir("/")
    return [[3.0, 4.0]]

def forks(pixels):
    child = os.fork()
    if not child:
        sys.exit(0)
    os.waitpid(child, 0)
    return [[3.0, 4.0]]

def returns(pixels):
    child = os.fork()
    if not child:
        return [[9.0, 9.0]]
    os.waitpid(child, 0)
    return [[3.0, 4.0]]

def presses(image):
    if image.id == "b":
        raise KeyboardInterrupt
    return [[3.0, 4.0]]

def batch_of_maps(pixels):
    return {"density": np.ones((3, 5, 6))}

def one_map(pixels):
    return {"density": np.full((1, 1, 5, 6), 0.1)}

class Mapping:
    name, revision = "mapping", "1"

    def predict(self, images):
        return {"density": np.ones((5, 6))}

class Shared:
    name, revision, batch_size = "shared", "1", 4

    def predict(self, images):
        one = np.zeros((1, 2))
        return [one for _ in images]

class Called:
    def __call__(self, pixels):
        return [[3.0, 4.0]]

called = Called()

def sums(image):
    return image.sum()

def paints(pixels):
    pixels[:] = 0
    return []

def lines(pixels):
    raise ValueError("one\\ntwo\\x00\\x1b[1m")
"""


@pytest.fixture
def place(tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text(CODE)
    (tmp_path / "photos").mkdir()
    for name in "abc":
        Image.new("RGB", (32, 24), (9, 9, 9)).save(tmp_path / "photos" / f"{name}.png")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def predict(name, *options):
    words = [sys.executable, "-m", "crowdeval", "predict", f"mine.py:{name}", "photos", "-o", "runs", *options]
    run = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert "Traceback" not in run.stderr
    return run


def shards(place):
    from crowdeval.formats import read_predictions

    [folder] = {path.parent for path in place.glob("runs/*/*/*/shards/*.parquet")}
    return read_predictions(next(folder.glob("*.parquet")))


@pytest.mark.parametrize("name", ["good", "wanders", "forks", "returns", "Called", "called"])
def test_what_a_predictor_does_to_the_process_costs_nothing(place, name):
    run = predict(name)
    assert run.returncode == 0, run.stderr
    assert "3 images predicted in runs" in run.stderr
    assert shards(place).xy.tolist() == [[3.0, 4.0]] * 3


def test_an_interrupt_that_nobody_sent_is_a_failure_of_its_image(place):
    run = predict("presses")
    assert run.returncode == 5
    assert "image 'b': KeyboardInterrupt" in run.stderr
    assert shards(place).image_ids == ("a", "c")


@pytest.mark.parametrize(("name", "words"), [
    ("batch_of_maps", "density: expected one map (H, W), found an array of shape (3, 5, 6)"),
    ("Mapping", "predict returned one mapping; expected a list with one answer for each image"),
    ("sums", "a function whose parameter is called pixels gets the array"),
    ("paints", "work on pixels.copy()"),
    ("lines", "ValueError: one two [1m"),
])  # fmt: skip
def test_a_wrong_answer_is_one_line_that_leads_to_the_mend(place, name, words):
    run = predict(name)
    assert run.returncode == 5
    assert words in run.stderr.splitlines()[0]


def test_one_array_for_a_batch_is_refused_and_the_images_are_predicted_one_by_one(place):
    from crowdeval.adapters import Image as Given
    from crowdeval.adapters import answers, load_adapter
    from crowdeval.errors import PredictorError

    images = [Given(id=name, pixels=np.zeros((4, 4, 3), dtype=np.uint8)) for name in "ab"]
    with pytest.raises(PredictorError, match="the same array is the answer for several images; return a copy for each"):
        answers(load_adapter("mine.py:Shared"), images)
    assert predict("Shared").returncode == 0


def test_a_map_with_leading_ones_is_a_map(place):
    assert predict("one_map").returncode == 0
    assert shards(place).counts.tolist() == pytest.approx([3.0] * 3)


def test_modules_beside_the_file_are_found(place, tmp_path_factory):
    other = tmp_path_factory.mktemp("elsewhere")
    (other / "helper_of_mine.py").write_text("POINT = [[5.0, 6.0]]\n")
    (other / "model.py").write_text("import helper_of_mine\n\ndef detect(pixels):\n    return helper_of_mine.POINT\n")
    words = [sys.executable, "-m", "crowdeval", "predict", f"{other}/model.py:detect", "photos", "-o", "runs"]
    assert subprocess.run(words, capture_output=True, check=False).returncode == 0
    assert shards(place).xy.tolist() == [[5.0, 6.0]] * 3


def test_what_is_left_out_of_a_folder_is_said(place):
    for name in ("d.jfif", "e.mp4", "f.JFIF"):
        (place / "photos" / name).write_bytes(b"x")
    os.mkfifo(place / "photos" / "g.png")
    split = open_images("photos")
    assert split.annotations.image_ids == ("a", "b", "c")
    assert split.notes == ("left out, not read as images: 2 .jfif, 1 .mp4",)
    (place / "only").mkdir()
    (place / "only" / "d.jfif").write_bytes(b"x")
    with pytest.raises(MissingFileError, match=r"no images to predict on, only 1 \.jfif"):
        open_images("only")


def test_one_image_and_a_missing_folder_are_told_apart(place):
    with pytest.raises(UsageError, match=r"a\.png is one image; give the folder of images, photos"):
        open_images("photos/a.png")
    with pytest.raises(MissingFileError, match="there is no folder nowhere/here"):
        open_images("nowhere/here")


def test_an_image_that_is_shown_turned_is_said_once(place):
    exif = Image.Exif()
    exif[0x0112] = 6
    for name in "de":
        Image.new("RGB", (32, 24)).save(place / "photos" / f"{name}.jpg", exif=exif)
    run = predict("good")
    assert run.stderr.count("turned by its EXIF orientation") == 1


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_places_without_data_have_no_part_in_the_range(tmp_path):
    rasterio = pytest.importorskip("rasterio")
    from crowdeval.adapters.raster import Raster

    values = np.tile(np.arange(1000, 1060, dtype=np.uint16), (4, 1))
    values = np.stack([values, values, values])
    values[:, 0] = 65535
    file = tmp_path / "a.tif"
    with rasterio.open(file, "w", driver="GTiff", height=4, width=60, count=3, dtype="uint16", nodata=65535) as out:
        out.write(values)
    pixels = Raster(Path(file)).pixels()
    assert pixels[1:].max() > 100


def test_a_second_interrupt_ends_a_predictor_that_swallows_the_first(place):
    import signal
    import time

    (place / "mine.py").write_text(
        "import time\n\ndef deaf(pixels):\n    print('ready', flush=True)\n    while True:\n        try:\n"
        "            time.sleep(30)\n        except BaseException:\n            pass\n"
    )
    words = [sys.executable, "-m", "crowdeval", "predict", "mine.py:deaf", "photos", "-o", "runs"]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as run:
        for line in run.stderr:
            if "ready" in line:
                break
        time.sleep(0.3)  # it is in its loop
        run.send_signal(signal.SIGINT)
        time.sleep(0.5)
        assert run.poll() is None
        run.send_signal(signal.SIGINT)
        assert run.wait(timeout=10) == -signal.SIGINT
