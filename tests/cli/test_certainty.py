"""Errors, intervals and comparisons on the command line: files, forms, bad options, and worlds with little in them."""

import csv
import io
import json
import re
import subprocess
import sys

import pytest
from conftest import ROOT

from crowdeval import Report

EXAMPLE = ROOT / "examples" / "crowd"
PREDS, GT = EXAMPLE / "preds.json", EXAMPLE / "gt.json"
QUICK = ("--resamples", "100")
LINE = {f"i{n:02}": [[10.0 * x, 5.0] for x in range(8 + n % 5)] for n in range(24)}


def written(path, images):
    path.write_text(json.dumps({"images": [{"id": name, **own} for name, own in images.items()]}))
    return path


def found(lost):
    """The points of the line, less some, and a wrong one in every other image."""
    kept = {name: xy[lost(n) :] + [[300.0, 300.0]] * (n % 2) for n, (name, xy) in enumerate(LINE.items())}
    return {name: {"points": xy, "scores": [0.95 - 0.01 * k for k in range(len(xy))]} for name, xy in kept.items()}


@pytest.fixture
def world(tmp_path):
    """Annotations and two systems."""
    return (
        written(tmp_path / "gt.json", {name: {"points": xy} for name, xy in LINE.items()}),
        written(tmp_path / "near.json", found(lambda n: n % 3)),
        written(tmp_path / "far.json", found(lambda n: 3 + n % 4)),
    )


def test_a_report_carries_errors_and_intervals_and_reads_them_back(crowdeval, world):
    gt, near, _ = world
    _, text, _ = crowdeval("score", near, gt, "--ci", "0.9", *QUICK, "--format", "json", "-q")
    document = json.loads(text)
    assert set(document["errors"]) == set(document["values"])
    for key, (low, high, method, reliable, effective) in document["intervals"].items():
        assert low <= document["values"][key] <= high
        assert (method, reliable in ("yes", "rough", "no")) == ("bootstrap-t", True)
        assert 1 <= effective <= 24
    report = Report.from_json(text)
    assert Report.from_json(report.to_json()).to_json() == report.to_json() == text
    assert report.errors == document["errors"]
    assert report.intervals["MAE"].low == document["intervals"]["MAE"][0]
    assert report.certainty.settings == document["resampling"]


def test_a_report_from_before_is_still_read(crowdeval, world):
    gt, near, _ = world
    _, text, _ = crowdeval("score", near, gt, "--ci", "0.9", *QUICK, "--format", "json", "-q")
    document = json.loads(text)
    old = {key: own for key, own in document.items()
           if key not in ("errors", "intervals", "influence", "reasons", "resampling", "bound")}  # fmt: skip
    report = Report.from_json(json.dumps(old))
    assert (dict(report.errors), dict(report.intervals)) == ({}, {})
    assert dict(report.values) == document["values"]


def test_values_are_the_same_with_and_without_errors(crowdeval, world):
    gt, near, _ = world
    _, brief, _ = crowdeval("score", near, gt, "--brief", "-q")
    _, sure, _ = crowdeval("score", near, gt, "--brief", "--ci", "0.95", "-q")
    assert brief == sure
    assert float(brief) > 0
    tables = [crowdeval("score", near, gt, *given, "--format", "csv", "-q")[1] for given in ((), ("--ci", "0.9"))]
    rows = [next(csv.DictReader(io.StringIO(text))) for text in tables]
    assert all(rows[1][name] == value for name, value in rows[0].items())
    _, text, _ = crowdeval("score", near, gt, "--format", "json", "-q")
    for key, value in json.loads(text)["values"].items():
        assert float(rows[0][key]) == value


def test_every_form_for_people_has_the_error(crowdeval, world):
    gt, near, _ = world
    texts = {form: crowdeval("score", near, gt, "--ci", "0.9", *QUICK, "--format", form, "-q")[1]
             for form in ("table", "markdown", "latex")}  # fmt: skip
    _, text, _ = crowdeval("score", near, gt, "--format", "json", "-q")
    error = f"{json.loads(text)['errors']['MAE']:.2f}"
    assert re.search(rf"^MAE +\d\.\d\d ± {error}", texts["table"], re.M)
    assert re.search(rf"^\| MAE \| \d\.\d\d ± {error}", texts["markdown"], re.M)
    assert re.search(rf"^MAE & \d\.\d\d \$\\pm\$ {error}.*\\\\$", texts["latex"], re.M)
    for form, text in texts.items():
        assert "intervals@1|ci:0.9|" in text, form
    assert "90% interval" in texts["table"]


def test_a_pipe_gets_the_same_table(world):
    gt, near, _ = world
    done = subprocess.run(
        [sys.executable, "-m", "crowdeval", "score", "-", str(gt), "-q"],
        input=near.read_bytes(), capture_output=True, check=True, cwd=ROOT,
    )  # fmt: skip
    assert "±" in done.stdout.decode()


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_terminal_without_the_sign_is_no_error(world, encoding):
    import os

    gt, near, far = world
    for args in (["score", near, gt], ["compare", near, far, "--truth", gt, "-m", "MAE"]):
        done = subprocess.run([sys.executable, "-m", "crowdeval", *map(str, args), "-q"], capture_output=True, cwd=ROOT,
                              env={**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"})  # fmt: skip
        assert (done.returncode, b"Traceback" in done.stderr) == (0, False), done.stderr


BAD = [
    (("--ci", "95"), "between 0 and 1"), (("--ci", "0"), "between 0 and 1"), (("--ci", "nan"), "between 0 and 1"),
    (("--ci", "-0.5"), "between 0 and 1"), (("--ci", "high"), "--ci"), (("--resamples", "0"), "resamples"),
    (("--resamples", "-3"), "resamples"), (("--resamples", "many"), "--resamples"), (("--resamples", "1e3"), "--res"),
    (("--ci", "0.95", "--resamples", "39"), "at least 40"), (("--resamples", "99999999"), "1,000,000"),
    (("--seed", "-1"), "seed"), (("--seed", "x"), "--seed"), (("--cluster", "scene"), "scene"),
    (("--cluster-id", "("), "not a regular expression"), (("--cluster-id", "zzz"), "don't match"),
    (("--cluster-id", "i(x)?"), "cluster-id"),
    (("--cluster", "count_quartile", "--cluster-id", "i"), "give one"), (("--ci-method", "normal"), "--ci-method"),
]  # fmt: skip


@pytest.mark.parametrize(("given", "words"), BAD, ids=lambda each: " ".join(each) if isinstance(each, tuple) else "")
@pytest.mark.parametrize("verb", ["score", "compare"])
def test_a_bad_option_is_one_line_and_exit_2(crowdeval, world, verb, given, words):
    gt, near, far = world
    args = (near, gt) if verb == "score" else (near, far, "--truth", gt)
    code, out, err = crowdeval(verb, *args, "-m", "MAE", *given, "-q")
    assert (code, out) == (2, ""), err
    assert words in err
    assert "Traceback" not in err
    assert len([line for line in err.splitlines() if line.lower().startswith("error:")]) == 1


@pytest.mark.parametrize(("given", "words"), [
    (("--margin", "MAE"), "METRIC=NUMBER"), (("--margin", "MAE=x"), "METRIC=NUMBER"), (("--margin", "=1"), ""),
    (("--margin", "MAE=-1"), "above 0"), (("--margin", "MAE=nan"), "above 0"), (("--margin", "MAE=0"), "above 0"),
    (("--margin", "nAP=0.1"), "not compared"), (("--margin", "MEA=1"), "MEA"), (("-m", "MEA"), "MEA"),
    (("-o", "x.pdf"), "x.pdf"), (("--format", "html"), "--format"), (("--ci-method", "bca"), "--ci-method"),
])  # fmt: skip
def test_a_bad_option_of_compare_is_one_line_and_exit_2(crowdeval, world, given, words):
    gt, near, far = world
    code, out, err = crowdeval("compare", near, far, "--truth", gt, "-m", "MAE", *given, "-q")
    assert (code, out) == (2, ""), err
    assert words in err
    assert len([line for line in err.splitlines() if line.lower().startswith("error:")]) == 1


@pytest.mark.parametrize(("given", "words"), [
    ((), "two SYSTEMs"), (("near.json",), "two SYSTEMs"), (("near.json", "far.json"), "needs the true points"),
    (("near.json", "--claim", "MAE=1,2"), "leave out SYSTEM"), (("--claim", "MAE=1,2"), "--images"),
    (("--claim", "nAP=1,2", "--images", "9", "--mse", "3,4"), "nAP"),
    (("--claim", "MAE=1,2", "--images", "1", "--mse", "3,4"), "2 or more"),
    (("--claim", "MAE=1,2", "--images", "x", "--mse", "3,4"), "--images"),
    (("--claim", "MAE=1,2", "--images", "9", "--mse", "0.5,4"), "never below"),
    (("--claim", "MAE=1,2", "--images", "9", "--mse", "4"), "--mse"),
    (("--claim", "MAE=1,2", "--images", "9", "--mse", "3,4", "--r", "2"), "--r"),
    (("--claim", "MAE=1,2", "--images", "9", "--mse", "3,4", "--format", "csv"), "not as csv"),
])  # fmt: skip
def test_what_can_not_be_compared_or_claimed_is_one_line_and_exit_2(crowdeval, world, given, words):
    code, out, err = crowdeval(
        "compare", *(world[0].parent / name if name.endswith(".json") else name for name in given)
    )
    assert (code, out) == (2, ""), err
    assert words in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    "metrics",
    [(), ("-m", "Recall@8px", "-m", "MAE", "-m", "NAE"), ("--preset", "shanghaitech"), ("-m", "L-F1@1:1:100px")],
)
def test_a_comparison_fits_80_columns(crowdeval, world, metrics):
    gt, near, far = world
    code, out, _ = crowdeval("compare", near, far, "--truth", gt, *metrics, *QUICK, "-q")
    assert code == 0
    table = out.partition("signature ")[0]
    assert max(map(len, table.splitlines())) <= 80, max(table.splitlines(), key=len)
    assert "A is" in table


def test_a_comparison_of_several_fits_80_columns_and_ranks_them(crowdeval, world, tmp_path):
    gt, near, far = world
    third = written(tmp_path / "a_system_with_a_very_long_name_of_its_own.json", found(lambda n: n % 2))
    code, out, _ = crowdeval("compare", far, near, third, "--truth", gt, *QUICK, "-q")
    assert code == 0
    table = out.partition("signature ")[0]
    assert max(map(len, table.splitlines())) <= 80, max(table.splitlines(), key=len)
    code, text, _ = crowdeval("compare", far, near, third, "--truth", gt, *QUICK, "-q", "--format", "json")
    document = json.loads(text)
    assert {len(pairs) for pairs in document["metrics"].values()} == {3}
    assert document["ranks"]["MAE"]["far"] == [3, 3]


def test_the_forms_of_a_comparison_are_well_formed_and_agree(crowdeval, world, tmp_path):
    gt, near, far = world
    texts = {}
    for suffix in ("json", "csv", "md", "tex", "txt"):
        file = tmp_path / f"out.{suffix}"
        code, _, err = crowdeval("compare", near, far, "--truth", gt, *QUICK, "-o", file)
        assert (code, f"wrote {file}" in err) == (0, True)
        texts[suffix] = file.read_text()
    document, rows = json.loads(texts["json"]), list(csv.DictReader(io.StringIO(texts["csv"])))
    assert [row["metric"] for row in rows] == list(document["metrics"])
    for row in rows:
        [pair] = document["metrics"][row["metric"]]
        assert (row["verdict"], float(row["p"]), float(row["difference"])) == (
            pair["verdict"], pair["p"], pair["difference"])  # fmt: skip
        if pair["interval"] is not None:
            assert [float(row["low"]), float(row["high"])] == pair["interval"]
    lines = [line for line in texts["md"].splitlines() if line.startswith("|")]
    assert len({line.count("|") for line in lines}) == 1
    body = texts["tex"].split(r"\midrule")[1].split(r"\bottomrule")[0].strip().splitlines()
    columns = re.search(r"begin\{tabular\}\{(\w+)\}", texts["tex"])[1]
    assert {line.count("&") for line in body} == {len(columns) - 1}
    assert all(line.endswith(r"\\") for line in body)


def little(tmp_path):
    """Worlds with little in them: predictions and annotations."""
    one, same = dict(list(LINE.items())[:1]), dict.fromkeys(LINE, LINE["i00"])
    truth = {"one": one, "same": same, "empty": {name: [] for name in LINE}, "line": LINE}
    gt = {key: written(tmp_path / f"{key}_gt.json", {name: {"points": xy} for name, xy in own.items()})
          for key, own in truth.items()}  # fmt: skip
    few = {key: written(tmp_path / f"{key}.json", {name: {"points": LINE["i00"][:3], "scores": [0.9, 0.8, 0.7]}
           for name in own}) for key, own in truth.items()}  # fmt: skip
    none = written(tmp_path / "none.json", {name: {"points": [], "scores": []} for name in LINE})
    counts = tmp_path / "counts.csv"
    counts.write_text(
        "image,count\n" + "".join(f"{name},{len(xy) + n % 4}\n" for n, (name, xy) in enumerate(LINE.items()))
    )
    return {"one image": (few["one"], gt["one"]), "equal images": (few["same"], gt["same"]),
            "no truth": (few["empty"], gt["empty"]), "counts": (counts, gt["line"]),
            "no predictions": (none, gt["line"]), "neither": (none, gt["empty"])}  # fmt: skip


@pytest.mark.parametrize("name", ["one image", "equal images", "no truth", "counts", "no predictions", "neither"])
def test_a_world_with_little_in_it_is_scored_and_compared_without_a_traceback(crowdeval, tmp_path, name):
    predictions, gt = little(tmp_path)[name]
    for form in ("table", "json", "csv", "markdown", "latex"):
        code, out, err = crowdeval("score", predictions, gt, "--ci", "0.95", *QUICK, "--format", form, "-q")
        assert (code, "Traceback" in err, "nan" in out.lower().replace("nanny", "")) == (0, False, False), err
        if form == "json":
            assert Report.from_json(out).to_json() == out
        other = tmp_path / f"other{predictions.suffix}"
        other.write_bytes(predictions.read_bytes())
        code, out, err = crowdeval("compare", predictions, other, "--truth", gt, *QUICK, "--format", form, "-q")
        assert (code, "Traceback" in err) == (0, False), err
        assert "better" not in out
        if form == "json":
            json.loads(out)


def test_a_number_without_error_says_why_below_the_table(crowdeval, tmp_path):
    worlds = little(tmp_path)
    for name, words in (("one image", "it reads one image"), ("equal images", "all images are equal"),
                        ("no predictions", "its value is 0")):  # fmt: skip
        _, out, _ = crowdeval("score", *worlds[name], "--ci", "0.95", *QUICK, "-q")
        assert words in out, name
