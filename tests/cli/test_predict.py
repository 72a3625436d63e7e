"""crowdeval predict and run, from the command line."""

import json

import numpy as np
import pytest
from PIL import Image as Pillow
from toy_runs import dataset  # noqa: F401  a fixture


@pytest.fixture
def here(dataset, monkeypatch):  # noqa: F811
    monkeypatch.chdir(dataset)
    return dataset


SPOTS = "spots.py:Spots"


def test_predict_prints_the_report_and_score_takes_the_folder(here, crowdeval):
    code, out, err = crowdeval("predict", SPOTS, "folder:crowd", "-o", "runs/")
    assert code == 0
    assert "23 images predicted in runs" in err
    assert "chatter" in err
    assert "chatter" not in out
    (folder,) = here.glob("runs/*/*/*")
    one = crowdeval("score", folder.relative_to(here), "folder:crowd")
    other = crowdeval("score", folder.relative_to(here))
    assert one[0] == other[0] == 0
    assert one[1].splitlines()[3:] == out.splitlines()[3:]
    assert other[1].splitlines()[3:] == out.splitlines()[3:]


def test_o_is_short_for_the_folder_and_for_options(here, crowdeval):
    assert crowdeval("predict", SPOTS, "folder:crowd", "-o", "runs", "-o", "pause=0.0", "--no-score")[0] == 0
    (manifest,) = here.glob("runs/*/*/*/manifest.json")
    assert json.loads(manifest.read_text())["options"] == {"pause": "0.0"}


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        ([SPOTS, "folder:crowd", "-o", "paus=1"], 2, "did you mean 'pause'"),
        ([SPOTS, "folder:crowd", "-o", "pause=x"], 2, "a number"),
        ([SPOTS, "folder:crowd", "-o", "pause=1", "-o", "pause=2"], 2, "twice"),
        ([SPOTS, "folder:crowd", "-o", "a", "-o", "b"], 2, "more than once"),
        ([SPOTS, "folder:crowd", "--tile", "3"], 2, "at least 16"),
        ([SPOTS, "folder:crowd", "--shard", "0"], 2, "at least 1"),
        ([SPOTS, "folder:crowd", "--timeout", "-1"], 2, "positive number of seconds"),
        ([SPOTS, "folder:crowd", "--merge", "nan"], 2, "at least 0"),
        ([SPOTS, "folder:crowd", "-o", "spots.py/runs"], 4, "can't be made"),
        (["points", "folder:crowd", "-o", "file=nope.json"], 5, "the adapter 'points': there is no file nope.json"),
        (["os:sep", "folder:crowd"], 2, "is not a class"),
        ([SPOTS, "folder:nowhere"], 4, "nowhere"),
        ([SPOTS, "shanghai:test"], 2, "did you mean 'shanghaitech"),
        (["spots.py:Spot", "folder:crowd"], 2, "has no class or function 'Spot'"),
        (["nowhere.py:Spots", "folder:crowd"], 4, "there is no file"),
        (["yunett", "folder:crowd"], 2, "did you mean 'yunet'"),
        (["no.such.module:Spots", "folder:crowd"], 2, "can't be imported"),
        (["broken.py:Spots", "folder:crowd"], 5, "fails on import"),
        (["broken2.py:Spots", "folder:crowd"], 2, "no 'revision'"),
        (["broken3.py:Spots", "folder:crowd"], 5, "can't be created"),
        (["broken4.py:Spots", "folder:crowd"], 5, "can't be opened"),
        (["broken5.py:Spots", "folder:crowd"], 5, "expected 1 answers, found 0"),
    ],
)
def test_a_run_that_cannot_start_ends_with_one_message(here, crowdeval, args, code, words):
    (here / "broken.py").write_text("raise RuntimeError('no luck')")
    (here / "broken2.py").write_text("class Spots:\n    name = 'a'\n    def predict(self, images): return []")
    (here / "broken3.py").write_text("class Spots:\n    def __init__(self): raise RuntimeError('no luck')")
    head = "class Spots:\n    name, revision = 'a', '1'\n"
    (here / "broken4.py").write_text(head + "    def predict(self, images): return []\n    def open(self): 1 / 0")
    (here / "broken5.py").write_text(head + "    def predict(self, images): return []")
    found, out, err = crowdeval("predict", *args)
    assert (found, out) == (code, "")
    assert words in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("first", "second", "meant"),
    [
        ("crowd", SPOTS, f"{SPOTS} crowd"),
        ("folder:crowd", SPOTS, f"{SPOTS} folder:crowd"),
        ("nwpu:val", "yunet", "yunet nwpu:val"),
        ("nwpu:val", "nowhere.py", "nowhere.py nwpu:val"),
        ("my photos", "package.module:Model", "package.module:Model 'my photos'"),
    ],
)
def test_swapped_arguments_are_one_message_with_the_right_order(here, crowdeval, first, second, meant):
    (here / "my photos").mkdir()
    code, out, err = crowdeval("predict", first, second)
    assert (code, out) == (2, "")
    assert f"expected ADAPTER before IMAGES; did you mean: crowdeval predict {meant}\n" in err


@pytest.mark.parametrize(
    ("first", "second"), [("yunet", "nowhere"), ("yunet", "yunet"), (SPOTS, SPOTS), ("crowd", "x")]
)
def test_other_wrong_arguments_are_not_called_swapped(here, crowdeval, first, second):
    (here / "yunet").mkdir()
    code, _, err = crowdeval("predict", first, second)
    assert (code in (2, 4, 5), "expected ADAPTER before IMAGES" in err) == (True, False)


def test_failing_images_end_with_5_and_are_tried_again(here, crowdeval):
    args = ("predict", SPOTS, "folder:crowd", "-o", "bad=img_01")
    code, _, err = crowdeval(*args)
    assert code == 5
    assert "1 of 23 images failed" in err
    assert "'img_01'" in err
    assert "errors.jsonl" in err


def test_a_suite_does_what_is_missing_and_only_that(here, crowdeval):
    (here / "suite.toml").write_text(
        'datasets = ["folder:crowd", "ucf-qnrf:test"]\n'
        f'[[predictors]]\nadapter = "{SPOTS}"\n[[predictors]]\nadapter = "{SPOTS}"\noptions = {{ pause = 0.001 }}\n'
        '[[protocols]]\npreset = "paper"\n[[protocols]]\nmetrics = ["F1@8px"]\n'
    )
    code, out, err = crowdeval("run", "suite.toml", "--root", here)
    assert code == 4
    assert "ucf-qnrf:test is left out" in err
    assert out.count("nAP 1.0000") == 2
    assert out.count("F1@8px") == 2
    reports = {path: path.stat().st_mtime_ns for path in here.glob("runs/*/*/*/report-*.json")}
    assert len(reports) == 4
    assert crowdeval("run", "suite.toml", "--root", here)[0] == 4
    assert {path: path.stat().st_mtime_ns for path in here.glob("runs/*/*/*/report-*.json")} == reports


def test_a_suite_takes_predictors_from_the_command_line(here, crowdeval):
    (here / "suite.toml").write_text('datasets = ["folder:crowd"]\n')
    assert crowdeval("run", "suite.toml")[0] == 2
    code, out, _ = crowdeval("run", "suite.toml", "--adapter", f"{SPOTS} pause=0.0")
    assert code == 0
    assert "nAP 1.0000" in out


def test_the_suite_of_the_paper_reads(here):
    from conftest import ROOT

    from crowdeval import PAPER
    from crowdeval.runs.suite import read_suite

    suite = read_suite(ROOT / "benchmarks" / "suites" / "paper.toml")
    assert len(suite.datasets) == 5
    assert suite.protocols == (PAPER,)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("datasets = [", "TOML"),
        ("", "at least one dataset"),
        ('dataset = ["folder:crowd"]', "did you mean 'datasets'"),
        ('datasets = "folder:crowd"', "a list"),
        ("datasets = [3]", "datasets[0]"),
        ('datasets = ["shanghaitech-a:tset"]', "did you mean 'test'"),
        ('datasets = ["folder:crowd"]\n[[predictors]]\nname = "x"', "predictors[0]"),
        ('datasets = ["folder:crowd"]\n[[predictors]]\nadapter = "x"\nframes = { tiles = 3 }', "did you mean 'tile'"),
        ('datasets = ["folder:crowd"]\n[[predictors]]\nadapter = "x"\nframes = { tile = "a" }', "predictors[0].frames"),
        ('datasets = ["folder:crowd"]\n[[predictors]]\nadapter = "x"\nshard = 0', "predictors[0].shard"),
        ('datasets = ["folder:crowd"]\n[[protocols]]\nk = 0', "protocols[0]"),
        ('datasets = ["folder:crowd"]\n[[protocols]]\nkk = 1', "protocols[0]"),
    ],
)
def test_an_invalid_suite_is_an_error_that_names_the_place(here, crowdeval, text, words):
    (here / "suite.toml").write_text(text)
    code, _, err = crowdeval("run", "suite.toml")
    assert code == 3
    assert words in err


def pictures(folder):
    """The same two bright spots in many kinds of image files, and the names of the files."""
    grey = np.full((30, 50), 20, np.uint8)
    for x, y in ((10, 8), (38, 20)):
        grey[y - 2 : y + 3, x - 2 : x + 3] = 230
    folder.mkdir()
    deep = {
        "low.tif": grey.astype(np.uint16),
        "twelve.tif": grey.astype(np.uint16) * 16,
        "full.png": grey.astype(np.uint16) * 257,
        "whole.tif": grey.astype(np.int32) * 257,
        "parts.tif": (grey / 255).astype(np.float32),
        "float.tif": grey.astype(np.float32) * 40 - 500,
    }
    for name, values in deep.items():
        Pillow.fromarray(values).save(folder / name)
    plain = Pillow.fromarray(grey)
    plain.save(folder / "grey.png")
    plain.convert("RGB").save(folder / "photo.jpg", quality=95)
    moved = Pillow.fromarray(np.roll(grey, 12, axis=1))
    plain.save(folder / "stack.tif", save_all=True, append_images=[moved])
    return [*deep, "grey.png", "photo.jpg", "stack.tif"]


FINDER = """
import numpy as np
from scipy import ndimage

def spots(pixels):
    labels, number = ndimage.label(pixels[..., 0] > 150)
    return [(x + 0.5, y + 0.5) for y, x in ndimage.center_of_mass(labels > 0, labels, range(1, number + 1))]
"""


def predicted(crowdeval, home, *options):
    return crowdeval("predict", f"{home}/mine.py:spots", str(home / "photos"), "-o", f"{home}/runs", *options)


def test_photos_of_every_depth_are_predicted_alike_and_not_scored(crowdeval, tmp_path):
    names = pictures(tmp_path / "photos")
    (tmp_path / "photos" / "folder.png").mkdir()
    (tmp_path / "mine.py").write_text(FINDER)
    code, out, err = predicted(crowdeval, tmp_path)
    assert (code, out) == (0, ""), err
    assert "photos without points are not scored" in err
    assert err.count("values of more than 8 bits") == 1
    assert "stack.tif has 2 frames, of which the first is predicted" in err
    (run,) = (tmp_path / "runs").glob("*/*/*")
    code, _, err = crowdeval("score", str(run))
    assert (code, "a run on photos, which have no points: add ANNOTATIONS" in err) == (2, True)
    truth = {name.rpartition(".")[0]: [[10.5, 8.5], [38.5, 20.5]] for name in names}
    (tmp_path / "gt.json").write_text(json.dumps(truth))
    code, out, err = crowdeval("score", str(run), str(tmp_path / "gt.json"), "-m", "F1@1px", "--format", "json")
    assert (code, json.loads(out)["values"]["F1@1px"]) == (0, 1.0), err


def test_an_image_above_max_pixels_fails_alone_and_names_the_option(crowdeval, tmp_path):
    (tmp_path / "photos").mkdir()
    for name, side in (("small", 8), ("large", 40)):
        Pillow.new("L", (side, side)).save(tmp_path / "photos" / f"{name}.png")
    (tmp_path / "mine.py").write_text(FINDER)
    code, _, err = predicted(crowdeval, tmp_path, "--max-pixels", "100")
    assert code == 5
    assert "1 of 2 images failed" in err
    assert "expected at most 100 pixels, found 40 x 40 (--max-pixels 1600 allows it; --tile 1024 reads" in err
    assert predicted(crowdeval, tmp_path)[0] == 0
    assert predicted(crowdeval, tmp_path, "--max-pixels", "0")[0] == 2


def test_a_folder_without_images_and_a_folder_with_points(crowdeval, tmp_path):
    (tmp_path / "mine.py").write_text(FINDER)
    (tmp_path / "empty").mkdir()
    code, _, err = crowdeval("predict", f"{tmp_path}/mine.py:spots", str(tmp_path / "empty"))
    assert (code, "has no images to predict on" in err) == (4, True)
    pictures(tmp_path / "photos")
    (tmp_path / "photos" / "gt.json").write_text(json.dumps({"grey": [[10.5, 8.5], [38.5, 20.5]]}))
    code, out, err = predicted(crowdeval, tmp_path)
    assert (code, "MAE" in out) == (0, True), err


@pytest.mark.parametrize("said", [["-o", "selected_on=val"], ["--selected-on", "val"]])
def test_the_split_of_selection_is_said_before_or_after_the_run(here, crowdeval, said):
    assert crowdeval("predict", SPOTS, "folder:crowd", "-o", "runs/")[0] == 0
    assert crowdeval("predict", SPOTS, "folder:crowd", "-o", "runs/", *said)[0] == 0
    (folder,) = here.glob("runs/*/*/*")
    assert json.loads((folder / "manifest.json").read_text())["selected_on"] == "val"
    code, out, _ = crowdeval("leaderboard", "runs/", "--format", "csv")
    assert (code, ",val," in out) == (0, True)
