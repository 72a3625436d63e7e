"""crowdeval score, as a newcomer runs it."""

import csv
import gzip
import io
import json
import os
import stat
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT
from oracles import nap as oracle

from crowdeval import PAPER, Protocol, Report

EXAMPLE = ROOT / "examples" / "crowd"
PREDS, GT = EXAMPLE / "preds.json", EXAMPLE / "gt.json"


@pytest.fixture
def values(crowdeval):
    def run(*args):
        code, out, err = crowdeval("score", *args, "--format", "json")
        assert code == 0, err
        return json.loads(out)["values"]

    return run


def example_crowd():
    preds, truth = (json.loads(path.read_text())["images"] for path in (PREDS, GT))
    return [(p["points"], p["scores"], t["points"]) for p, t in zip(preds, truth, strict=True)]


def test_the_example_equals_the_oracle(values):
    found = values(PREDS, GT, "--delta", "0.05:0.05:0.5")
    expected = {d: oracle.average_precision(example_crowd(), d) for d in PAPER.delta}
    for delta, value in expected.items():
        assert found[f"nAP@{delta}"] == pytest.approx(value, abs=1e-12)
    assert found["nAP"] == pytest.approx(np.mean(list(expected.values())), abs=1e-12)
    counts = [(sum(s > 0.5 for s in scores), len(truth)) for _, scores, truth in example_crowd()]
    assert found["MAE"] == pytest.approx(np.mean([abs(z - t) for z, t in counts]))
    assert found["RMSE"] == pytest.approx(np.sqrt(np.mean([(z - t) ** 2 for z, t in counts])))
    assert found["NAE"] == pytest.approx(np.mean([abs(z - t) / t for z, t in counts if t]))


def test_the_example_is_what_its_generator_makes(tmp_path):
    for name in ("make_crowd.py",):
        (tmp_path / name).write_text((EXAMPLE / name).read_text())
    subprocess.run([sys.executable, tmp_path / "make_crowd.py"], check=True)
    for path in (PREDS, GT):
        assert (tmp_path / path.name).read_text() == path.read_text()


def test_the_table_says_what_was_measured_on_what(crowdeval):
    code, out, err = crowdeval("score", PREDS, GT)
    assert code == 0
    for words in ("nAP", "nAP@0.05", "MAE", "MSE", "795 points", "862 points", "12 images", PAPER.signature):
        assert words in out
    assert "warning: lone-points" in err
    assert "warning: tied-confidences" in err


def test_the_json_reads_back_into_a_report(crowdeval, tmp_path):
    code, out, err = crowdeval("score", PREDS, GT, "--format", "json", "-o", tmp_path / "report.json")
    assert (code, out) == (0, "")
    assert "wrote" in err
    report = Report.from_json((tmp_path / "report.json").read_bytes())
    assert report.protocol == PAPER
    assert report.warnings


def test_every_option_enters_the_signature(crowdeval):
    options = (
        "--delta 0.1:0.1:0.3 --k 2 --metric nAP --metric MSE --missing empty --id-style stem --count-threshold 0.4 "
        "--off-image drop --ap step --pool image --lone 20 --preset shanghaitech"
    )
    code, out, _ = crowdeval("score", PREDS, GT, *options.split(), "--format", "json")
    assert code == 0
    assert Protocol.parse(json.loads(out)["signature"]) == Protocol(
        preset="shanghaitech", metrics=["nAP", "RMSE"], delta="0.1:0.1:0.3", k=2, missing="empty", id_style="stem",
        count_threshold=0.4, off_image="drop", ap="step", pool="image", lone="20",
    )  # fmt: skip


def test_brief_prints_one_number(crowdeval):
    code, out, err = crowdeval("score", PREDS, GT, "-b", "-q", "--metric", "MAE")
    assert (code, err) == (0, "")
    assert out == "16.666666666666668\n"


def test_the_per_image_table_is_written_as_csv_and_parquet(crowdeval, tmp_path):
    for name in ("images.csv", "images.parquet"):
        assert crowdeval("score", PREDS, GT, "--per-image", tmp_path / name)[0] == 0
    one, other = pd.read_csv(tmp_path / "images.csv"), pd.read_parquet(tmp_path / "images.parquet")
    assert one["image"].tolist() == other["image"].tolist() == [f"square_{i:02d}" for i in range(1, 13)]
    assert one["TP@0.5"].sum() == other["TP@0.5"].sum()
    pd.testing.assert_frame_equal(one, other, check_dtype=False)


def test_a_bound_that_is_met_ends_with_0_and_one_that_is_not_with_10(crowdeval):
    assert crowdeval("score", PREDS, GT, "--fail-under", "nAP=0.60")[0] == 0
    code, out, err = crowdeval("score", PREDS, GT, "--fail-under", "nAP=0.70", "--fail-over", "MSE=20")
    assert code == 10
    assert "nAP is 0.686" in err
    assert "RMSE is 24.6" in err
    assert "nAP" in out


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--fail-under", "MAE=3"], "--fail-over"),
        (["--fail-over", "nAP=3"], "--fail-under"),
        (["--fail-under", "nAP"], "METRIC=NUMBER"),
        (["--fail-under", "nAP@0.33=0.5"], "add --metric"),
        (["--delta", "0.5:0.1"], "start, step, end"),
        (["--delta", "0"], "positive"),
        (["--k", "0"], "at least 1"),
        (["--k", "three"], "integer"),
        (["--metric", "nap"], "did you mean 'nAP'"),
        (["--preset", "papr"], "did you mean 'paper'"),
        (["--lone", "far"], "lone"),
        (["--per-image", "x.xlsx"], ".csv or .parquet"),
        (["--format", "pdf"], "table"),
        (["--predictions-format", "yaml"], "no format is called"),
        (["--nonsense"], "No such option"),
    ],
)
def test_an_invalid_option_ends_with_2_and_the_reason(crowdeval, args, words):
    code, _, err = crowdeval("score", PREDS, GT, *args)
    assert code == 2
    assert words in err
    assert "Traceback" not in err


def test_nothing_is_printed_when_a_usage_error_could_be_seen_before(crowdeval):
    assert crowdeval("score", PREDS, GT, "--fail-under", "x=y")[1] == ""


def test_a_missing_file_ends_with_4_and_names_the_near_one(crowdeval):
    code, _, err = crowdeval("score", EXAMPLE / "pred.json", GT)
    assert code == 4
    assert "preds.json" in err


def test_invalid_data_ends_with_3_and_every_problem(crowdeval, tmp_path):
    bad = tmp_path / "bad.json"
    bad.write_text('{"a": [[1, 2, NaN]], "b": [[1]], "c": [["x", 2, 0.5]]}')
    code, out, err = crowdeval("score", bad, GT)
    assert (code, out) == (3, "")
    assert "3 problems" in err


def test_ids_that_do_not_meet_end_with_3_and_a_hint(crowdeval, tmp_path):
    document = json.loads(PREDS.read_text())
    for image in document["images"]:
        image["id"] = f"test/{image['id']}.jpg"
    moved = tmp_path / "moved.json"
    moved.write_text(json.dumps(document))
    code, _, err = crowdeval("score", moved, GT)
    assert code == 3
    assert "--id-style stem" in err
    assert crowdeval("score", moved, GT, "--id-style", "stem", "-q")[0] == 0


def test_standard_input_and_gzip(tmp_path):
    run = [sys.executable, "-P", "-m", "crowdeval", "score"]
    packed = tmp_path / "preds.json.gz"
    packed.write_bytes(gzip.compress(PREDS.read_bytes()))
    plain = subprocess.run([*run, PREDS, GT, "-b", "-q"], capture_output=True, text=True, check=True).stdout
    assert subprocess.run([*run, packed, GT, "-b", "-q"], capture_output=True, text=True, check=True).stdout == plain
    piped = subprocess.run([*run, "-", GT, "-b", "-q"], input=packed.read_bytes(), capture_output=True, check=True)
    assert piped.stdout.decode() == plain


def test_two_standard_inputs_are_refused(crowdeval):
    assert crowdeval("score", "-", "-")[0] == 2


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_an_output_that_cannot_be_written_ends_with_4(crowdeval, tmp_path):
    tmp_path.chmod(stat.S_IREAD | stat.S_IEXEC)
    assert crowdeval("score", PREDS, GT, "-o", tmp_path / "x.json")[0] == 4


def test_an_output_in_a_folder_that_is_not_there_ends_with_4(crowdeval, tmp_path):
    for option in (("-o", tmp_path / "no" / "x.json"), ("--per-image", tmp_path / "no" / "x.csv")):
        code, _, err = crowdeval("score", PREDS, GT, *option)
        assert code == 4
        assert "can't be written" in err


def test_csv_on_standard_output_is_one_row(crowdeval):
    _, out, _ = crowdeval("score", PREDS, GT, "--format", "csv")
    assert len(list(csv.DictReader(io.StringIO(out)))) == 1


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("r.json", "{"),
        ("r.csv", "predictions,"),
        ("r.md", "| metric"),
        ("r.tex", "% "),
        ("r.txt", "predictions  "),
        ("r", "predictions  "),
    ],
)
def test_the_suffix_of_the_output_chooses_the_form(crowdeval, tmp_path, name, start):
    assert crowdeval("score", PREDS, GT, "-o", tmp_path / name)[0] == 0
    assert (tmp_path / name).read_text().startswith(start)


def test_a_form_that_is_named_goes_before_the_suffix(crowdeval, tmp_path):
    assert crowdeval("score", PREDS, GT, "-o", tmp_path / "r.txt", "--format", "json")[0] == 0
    assert json.loads((tmp_path / "r.txt").read_text())["values"]


def test_a_suffix_that_no_form_has_is_refused(crowdeval, tmp_path):
    code, _, err = crowdeval("score", PREDS, GT, "-o", tmp_path / "r.pdf")
    assert code == 2
    assert ".json" in err


@pytest.mark.parametrize("option", ["-o", "--per-image"])
def test_an_input_is_never_overwritten(crowdeval, tmp_path, option):
    table = tmp_path / "gt.csv"
    assert crowdeval("convert", GT, "-o", table)[0] == 0
    before = table.read_bytes()
    (tmp_path / "link.csv").symlink_to(table)
    code, _, err = crowdeval("score", PREDS, table, option, tmp_path / "link.csv")
    assert code == 2
    assert "is an input" in err
    assert table.read_bytes() == before


def test_two_results_do_not_go_into_one_file(crowdeval, tmp_path):
    both = tmp_path / "both.csv"
    assert crowdeval("score", PREDS, GT, "-o", both, "--per-image", both)[0] == 2
    assert not both.exists()


@pytest.mark.parametrize("metric", ["nAP@0.33", "F1@8px", "MAE"])
def test_a_bound_on_what_is_not_measured_is_refused_before_anything_is_read(crowdeval, metric):
    side = "--fail-over" if metric == "MAE" else "--fail-under"
    code, out, err = crowdeval("score", "absent.json", "absent.json", "-m", "NAE", side, f"{metric}=0.5")
    assert (code, out) == (2, "")
    assert f"{metric} has a bound and is not measured" in err


@pytest.mark.parametrize(
    "args",
    [
        ["-m", "nAP", "--fail-under", "nAP@0.25=0.1"],
        ["-m", "nAP@0.1:0.1:0.3", "--fail-under", "nAP@0.2=0.1"],
        ["-m", "F1@8px", "--fail-under", "TP@8px=1"],
        ["-m", "MSE", "--fail-over", "RMSE=1000"],
    ],
)
def test_a_bound_holds_for_what_a_metric_brings_along(crowdeval, args):
    assert crowdeval("score", PREDS, GT, "-q", *args)[0] == 0


def test_a_per_image_table_that_cannot_be_written_fails_before_anything_is_printed(crowdeval, tmp_path):
    (tmp_path / "images.csv").mkdir()
    for place in (tmp_path / "no" / "x.csv", tmp_path / "images.csv"):
        code, out, err = crowdeval("score", PREDS, GT, "--per-image", place)
        assert (code, out) == (4, "")
        assert "can't be written" in err


def test_brief_never_prints_the_number_of_another_metric(crowdeval, tmp_path):
    counts = tmp_path / "counts.csv"
    counts.write_text("image,count\na,3\n")
    truth = tmp_path / "gt.json"
    truth.write_text('{"a": [[1, 2]]}')
    code, out, err = crowdeval("score", counts, truth, "-b")
    assert (code, out) == (3, "")
    assert "--brief prints nAP, which has no value" in err
    assert crowdeval("score", counts, truth, "-b", "-m", "MAE")[:2] == (0, "2.0\n")


def test_brief_says_so_where_a_report_holds_no_value(monkeypatch, crowdeval):
    from dataclasses import replace

    from crowdeval.evaluation.evaluate import report_and_evidence

    def empty(*args, **options):
        report, evidence = report_and_evidence(*args, **options)
        return replace(report, values={}), evidence

    monkeypatch.setattr("crowdeval.evaluation.evaluate.report_and_evidence", empty)
    code, out, err = crowdeval("score", PREDS, GT, "-b")
    assert (code, out) == (3, "")
    assert "no value" in err


@pytest.mark.parametrize("verb", ["score", "check"])
def test_images_of_only_one_file_are_an_error_that_names_both_files(crowdeval, tmp_path, verb):
    other = tmp_path / "other.json"
    other.write_text('{"elsewhere": [[1, 2]]}')
    code, _, err = crowdeval(verb, other, GT)
    assert code == 3
    assert f"{other} against {GT}: 1 of 1 predicted images" in err


def test_a_root_beside_a_file_is_ignored_with_a_warning(crowdeval, tmp_path):
    code, _, err = crowdeval("score", PREDS, GT, "--root", tmp_path)
    assert code == 0
    assert f"warning: --root is ignored: {GT} is read as a file" in err


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("shanghaitech-a", "shanghaitech-a:"),
        ("shanghaitech-a:", "shanghaitech-a:"),
        ("shanghaitech-c:test", "did you mean 'shanghaitech-"),
        ("shanghaitech-a:tset", "did you mean 'test'"),
    ],
)
def test_a_slip_in_the_name_of_a_dataset_gets_the_near_names(crowdeval, spec, words):
    code, _, err = crowdeval("score", PREDS, spec)
    assert code == 2
    assert words in err
    assert "there is no file" not in err


@pytest.mark.parametrize("spec", ["ShanghaiTech-A:test", "shanghaitechA:test"])
def test_a_dataset_is_known_in_any_spelling_of_its_name(crowdeval, tmp_path, spec):
    code, _, err = crowdeval("score", PREDS, spec, "--root", tmp_path)
    assert code == 4
    assert "shanghaitech-a:test is not found" in err


def test_a_file_that_is_absent_is_no_dataset(crowdeval):
    for name in ("nwpu.json", "results:v2.json"):
        code, _, err = crowdeval("score", PREDS, name)
        assert code == 4
        assert f"there is no file {name}" in err


def test_a_dataset_in_the_place_of_predictions_is_named(crowdeval):
    code, _, err = crowdeval("score", "shanghaitech-a:test", GT)
    assert code == 2
    assert "PREDICTIONS come before ANNOTATIONS" in err


def scaled(factor, tmp_path):
    document = json.loads(PREDS.read_text())
    for image in document["images"]:
        image["points"] = [[factor * x, factor * y] for x, y in image["points"]]
    path = tmp_path / "scaled.json"
    path.write_text(json.dumps(document))
    return path


@pytest.mark.parametrize(("factor", "frame"), [(0.25, "stride:4"), (4, "scale:0.25")])
@pytest.mark.parametrize("verb", ["score", "check"])
def test_a_change_of_scale_is_named_and_its_frame_mends_it(crowdeval, tmp_path, factor, frame, verb):
    wrong = scaled(factor, tmp_path)
    _, _, err = crowdeval(verb, wrong, GT)
    assert "frame-suspected" in err
    assert f"--frame {frame}" in " ".join(err.split())
    code, _, err = crowdeval(verb, wrong, GT, "--frame", frame)
    assert (code, "frame-suspected" in err) == (0, False)
    _, mended, _ = crowdeval("score", wrong, GT, "--frame", frame, "-b")
    _, right, _ = crowdeval("score", PREDS, GT, "-b")
    assert float(mended) == pytest.approx(float(right), abs=1e-9)


def test_convert_brings_predictions_to_pixels(crowdeval, tmp_path):
    target = tmp_path / "right.json"
    assert crowdeval("convert", scaled(0.25, tmp_path), "-o", target, "--frame", "stride:4")[0] == 0
    assert crowdeval("score", target, GT, "-b")[1] == crowdeval("score", PREDS, GT, "-b")[1]
    code, _, err = crowdeval("convert", PREDS, "-o", target, "--frame", "normalized")
    assert code == 3
    assert "needs the width and height" in err


def test_a_frame_of_evidence_is_refused(crowdeval, tmp_path):
    kept = tmp_path / "e.arrow"
    assert crowdeval("score", PREDS, GT, "--evidence", kept)[0] == 0
    code, _, err = crowdeval("score", kept, "--frame", "yx")
    assert code == 2
    assert "leave out --frame" in err


def test_one_image_and_one_point_are_singular(crowdeval, tmp_path):
    one, truth = tmp_path / "one.json", tmp_path / "gt.json"
    one.write_text('{"a": [[900, 2, 1.5]]}')
    truth.write_text('{"images": [{"id": "a", "width": 100, "height": 100, "points": [[1, 2]]}]}')
    for form in ("table", "markdown", "latex"):
        _, out, err = crowdeval("score", one, truth, "--format", form)
        assert "1 image" in out
        assert "1 point" in out
        assert not {"1 images", "1 points"} & {out[i : i + 8] for i in range(len(out))}
    assert "1 prediction in 1 image lies outside its image" in err
    assert "1 confidence is below 0 or above 1" in err


@pytest.mark.data
def test_yunet_on_shanghaitech_a_equals_the_oracle(crowdeval, data_folder, tmp_path):
    import scipy.io

    truth, found = {}, json.loads(gzip.decompress((data_folder / "scored/yunet_SHA_test.json.gz").read_bytes()))
    for path in (data_folder / "ShanghaiTech/part_A/test_data/ground-truth").glob("GT_IMG_*.mat"):
        truth[path.stem.removeprefix("GT_")] = scipy.io.loadmat(path)["image_info"][0, 0][0, 0][0].tolist()
    gt = tmp_path / "gt.json"
    gt.write_text(json.dumps(truth))
    code, out, _ = crowdeval("score", data_folder / "scored/yunet_SHA_test.json.gz", gt, "--format", "json")
    assert code == 0
    report = json.loads(out)
    assert (report["images"], report["predictions"]["points"], report["annotations"]["points"]) == (182, 166609, 78862)
    # the loop over all images and deltas takes minutes: every ninth image, two deltas, through the same files
    some = sorted(truth)[::9]
    crowd = [([p[:2] for p in found["points"][i]], [p[2] for p in found["points"][i]], truth[i]) for i in some]
    crowd = [image for image in crowd if len(image[0]) * len(image[2]) < 250_000]
    kept = [i for i in some if len(found["points"][i]) * len(truth[i]) < 250_000]
    small, small_gt = tmp_path / "small.json", tmp_path / "small_gt.json"
    small.write_text(json.dumps({i: found["points"][i] for i in kept}))
    small_gt.write_text(json.dumps({i: truth[i] for i in kept}))
    _, out, _ = crowdeval("score", small, small_gt, "--delta", "0.1,0.5", "--format", "json")
    values = json.loads(out)["values"]
    for delta in (0.1, 0.5):
        assert values[f"nAP@{delta}"] == pytest.approx(oracle.average_precision(crowd, delta), abs=1e-12)
    errors = [sum(s > 0.5 for s in scores) - len(points) for _, scores, points in crowd]
    assert values["MAE"] == pytest.approx(np.mean(np.abs(errors)), abs=1e-12)
