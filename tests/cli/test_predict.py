"""crowdeval predict and run, from the command line."""

import json

import pytest
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
        (["spots.py:Spot", "folder:crowd"], 2, "has no 'Spot'"),
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
