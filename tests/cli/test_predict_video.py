"""crowdeval predict runs on the frames of a video: resumed exactly, every N-th frame, errors of one line."""

import json
import sys

import numpy as np
import pytest
from PIL import Image as Pillow
from toy_clips import WIDTH, write_clip

from crowdeval import run_predictor
from crowdeval.errors import UsageError
from crowdeval.runs.folder import RunFolder, run_predictions

pytest.importorskip("av")

NUMBERS = """
import numpy as np

class Numbers:
    name, revision = "numbers", "1"

    def __init__(self, batch_size: int = 1):
        self.batch_size = batch_size

    def predict(self, images):
        found = []
        for image in images:
            assert image.path is None
            assert image.raw is image.pixels
            bars = image.pixels[6:18].mean(axis=(0, 2)) > 145
            number = sum(1 << bit for bit in range(8) if bars[bit * 16 + 8])
            found.append(([[number, int(image.id[-6:])]], [image.pixels.mean() / 256]))
        return found

class Blind:
    name, revision, needs_pixels = "blind", "1", False

    def predict(self, images):
        return [{"count": image.size[0]} for image in images]

def failing(image):
    if int(image.id[-6:]) in (5, 20):
        raise ValueError("no luck")
    return [[int(image.id[-6:]), 1.0]]
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(NUMBERS)
    write_clip(tmp_path / "walk.mp4", "mpeg4", frames=70)
    return tmp_path


def only_run(folder):
    (found,) = folder.glob("*/*/*")
    return RunFolder(found)


def shards(folder):
    return {path.name: path.read_bytes() for path in sorted((folder.path / "shards").glob("*"))}


def test_each_frame_is_predicted_under_its_number(here, crowdeval):
    code, out, err = crowdeval("predict", "mine.py:Numbers", "walk.mp4", "-o", "runs", "-o", "batch_size=4")
    assert (code, out) == (0, ""), err
    assert "frames of a video without points are not scored" in err
    found = run_predictions(only_run(here / "runs"))
    assert found.image_ids == tuple(f"walk/{number:06d}" for number in range(70))
    assert np.array_equal(found.xy, [[number, number] for number in range(70)])
    code, _, err = crowdeval("score", str(only_run(here / "runs").path))
    assert (code, "is a run on a video, which has no points: add ANNOTATIONS" in err) == (2, True)


def test_a_run_that_was_stopped_goes_on_with_the_same_bytes(here, crowdeval):
    assert crowdeval("predict", "mine.py:Numbers", "walk.mp4", "-o", "whole")[0] == 0
    assert crowdeval("predict", "mine.py:Numbers", "walk.mp4", "-o", "runs")[0] == 0
    run = only_run(here / "runs")
    for shard in sorted((run.path / "shards").glob("*"))[1::2]:
        shard.unlink()
    assert crowdeval("predict", "mine.py:Numbers", "walk.mp4", "-o", "runs")[0] == 0
    assert shards(run) == shards(only_run(here / "whole"))


def test_two_steps_are_two_runs(here, crowdeval):
    for step, images in ((1, 70), (7, 10), (35, 2), (50, 2), (100, 1)):
        code, _, err = crowdeval("predict", "mine.py:Numbers", "walk.mp4", "--every", step, "-o", "runs")
        assert (code, f"{images} images predicted" in err) == (0, True), err
    runs = {run.manifest()["every"]: run for run in map(RunFolder, (here / "runs").glob("*/*/*"))}
    assert sorted(runs) == [1, 7, 35, 50, 100]
    assert all(np.array_equal(run_predictions(runs[step]).xy[:, 0], range(0, 70, step)) for step in runs)


def test_a_step_is_refused_where_there_is_no_video(here, crowdeval):
    (here / "photos").mkdir()
    Pillow.new("L", (8, 8)).save(here / "photos" / "a.png")
    code, _, err = crowdeval("predict", "mine.py:Numbers", "photos", "--every", 2, "-o", "runs")
    assert (code, err) == (2, "error: every: a step is for the frames of a video, and photos is none\n")
    assert crowdeval("predict", "mine.py:Numbers", "walk.mp4", "--every", 0)[0] == 2


def test_failed_frames_are_rows_and_a_retry_reads_them_again(here, crowdeval):
    code, _, err = crowdeval("predict", "mine.py:failing", "walk.mp4", "-o", "runs")
    assert (code, "2 of 70 images failed" in err) == (5, True), err
    rows = [json.loads(line)["image"] for line in only_run(here / "runs").errors.read_text().splitlines()]
    assert rows == ["walk/000005", "walk/000020"]
    assert len(run_predictions(only_run(here / "runs")).image_ids) == 68


def test_a_predictor_without_pixels_gets_the_size(here, crowdeval):
    assert crowdeval("predict", "mine.py:Blind", "walk.mp4", "-o", "runs", "--no-score")[0] == 0
    assert set(run_predictions(only_run(here / "runs")).counts) == {WIDTH}


def test_frames_are_cut_into_tiles(here, crowdeval):
    (here / "spot.py").write_text(
        "import numpy as np\n"
        "def spot(image):\n"
        "    assert image.raw.shape == image.pixels.shape and max(image.size) <= 64\n"
        "    return np.column_stack(np.nonzero(image.pixels[..., 2] > 250)[::-1])\n"
    )
    assert crowdeval("predict", "spot.py:spot", "walk.mp4", "-o", "runs", "--tile", 64, "--overlap", 8)[0] == 0


def test_a_program_and_density_maps_take_frames(here, crowdeval):
    (here / "size.py").write_text(
        "import json, sys\nfrom PIL import Image\n"
        "for line in sys.stdin:\n"
        "    print(json.dumps({'count': Image.open(json.loads(line)['path']).size[0]}), flush=True)\n"
    )
    command = f"command={sys.executable} size.py"
    assert crowdeval("predict", "command", "walk.mp4", "--every", 30, "-o", "a", "-o", command)[0] == 0
    assert set(run_predictions(only_run(here / "a")).counts) == {WIDTH}
    (here / "maps" / "walk").mkdir(parents=True)
    for number in range(0, 70, 30):
        np.save(here / "maps" / "walk" / f"{number:06d}.npy", np.eye(16, 32, dtype=np.float32))
    args = ("density", "walk.mp4", "--every", 30, "-o", "b", "-o", "folder=maps", "-o", "threshold=0.5")
    code, _, err = crowdeval("predict", *args)
    assert code == 0, err
    assert run_predictions(only_run(here / "b")).xy.tolist() == [[32, 32]] * 3


def test_a_video_has_no_points_to_score(here):
    with pytest.raises(UsageError, match="has no points to score against; crowdeval predict runs without them"):
        run_predictor(lambda pixels: [], "walk.mp4", here / "runs")


def test_what_is_wrong_is_one_line(here, crowdeval):
    (here / "empty.mp4").touch()
    code, out, err = crowdeval("predict", "mine.py:Numbers", "empty.mp4", "-o", "runs")
    assert (code, out, err) == (3, "", "error: empty.mp4: expected a video, found an empty file\n")
    code, _, err = crowdeval("predict", "mine.py:Numbers", "walk.mp4", "-o", "runs", "--max-pixels", "100")
    assert (code, "expected at most 100 pixels, found 128 x 64" in err, "Traceback" in err) == (5, True, False)
