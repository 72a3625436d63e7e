"""crowdeval leaderboard: options, files, and the messages on standard error."""

import csv
import io
import json

import pytest
from conftest import ROOT
from toy_reports import report

from crowdeval import Protocol

TABLES = ROOT / "crowdeval" / "leaderboards" / "tables"


@pytest.fixture
def runs(tmp_path):
    folder = tmp_path / "runs"
    for model, missed in (("a", 0), ("b", 1)):
        run = folder / "toys-test" / f"{model}@1" / "0f"
        run.mkdir(parents=True)
        (run / "report-paper.json").write_text(report(model, missed, dataset="shanghaitech-a:test").to_json())
        (run / "manifest.json").write_text(json.dumps({"format": "crowdeval/run@1"}))
    return folder


def rows(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_the_table_is_the_default(crowdeval, runs):
    code, out, err = crowdeval("leaderboard", runs)
    assert code == 0
    assert "2 ranked by nAP" in out
    assert err == ""


@pytest.mark.parametrize(
    ("name", "start"),
    [("b.csv", "dataset,"), ("b.md", "## "), ("b.tex", "% "), ("b.HTML", "<!doctype html>"), ("b.txt", "shanghaitech")],
)
def test_the_suffix_names_the_form(crowdeval, runs, tmp_path, name, start):
    code, out, err = crowdeval("leaderboard", runs, "-o", tmp_path / name)
    assert (code, out) == (0, "")
    assert "wrote" in err
    assert (tmp_path / name).read_text(encoding="utf-8").startswith(start)


def test_the_format_goes_before_the_suffix(crowdeval, runs, tmp_path):
    assert crowdeval("leaderboard", runs, "-o", tmp_path / "b.dat", "--format", "csv")[0] == 0
    assert (tmp_path / "b.dat").read_text().startswith("dataset,")


def test_an_unknown_suffix_is_a_usage_error(crowdeval, runs, tmp_path):
    code, _, err = crowdeval("leaderboard", runs, "-o", tmp_path / "b.xlsx")
    assert code == 2
    assert ".csv" in err


def test_by_and_metric_reach_the_ranking(crowdeval, runs):
    code, out, _ = crowdeval("leaderboard", runs, "--by", "MSE", "-m", "nAP@0.1", "--format", "csv")
    assert code == 0
    assert {row["ranked_by"] for row in rows(out)} == {"RMSE"}
    assert "nAP@0.1" in rows(out)[0]
    assert crowdeval("leaderboard", runs, "--by", "nap")[0] == 2


def test_the_dataset_filter_reaches_the_ranking(crowdeval, runs):
    assert crowdeval("leaderboard", runs, "--dataset", "shanghaitech-a")[0] == 0
    code, _, err = crowdeval("leaderboard", runs, "--dataset", "shanghaitech-b")
    assert code == 2
    assert "shanghaitech-a:test" in err


def test_published_numbers_are_mixed_in_visibly_and_unranked(crowdeval, runs, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    code, out, _ = crowdeval("leaderboard", runs, "--format", "csv", "--published")
    assert code == 0
    found = {row["model"]: row for row in rows(out)}
    assert found["P2PNet (ICCV'21)"]["source"] == "published"
    assert found["P2PNet (ICCV'21)"]["rank"] == ""
    assert "Table 1" in found["P2PNet (ICCV'21)"]["origin"]
    assert {row["dataset"] for row in rows(out)} == {"shanghaitech-a:test"}


def test_published_takes_a_folder(crowdeval, runs):
    code, out, _ = crowdeval("leaderboard", runs, f"--published={TABLES}")
    assert code == 0
    assert "CAN (CVPR'19)" in out


def test_published_numbers_can_be_listed_alone(crowdeval):
    code, out, _ = crowdeval("leaderboard", "--published", TABLES, "--dataset", "nwpu:test")
    assert code == 0
    assert "TopoCount" in out
    assert "nothing ranked" in out


def test_a_folder_without_published_tables_is_an_error(crowdeval, runs):
    code, _, err = crowdeval("leaderboard", "--published", runs)
    assert code == 4
    assert "no published tables" in err


def test_paths_without_reports_are_an_error(crowdeval, tmp_path):
    assert crowdeval("leaderboard")[0] == 2
    code, _, err = crowdeval("leaderboard", tmp_path)
    assert code == 4
    assert "no report in" in err
    assert crowdeval("leaderboard", tmp_path / "nowhere")[0] == 4


def test_a_damaged_report_is_a_warning_beside_others_and_an_error_alone(crowdeval, runs, tmp_path):
    (runs / "report-bad.json").write_text('{"format": "crowdeval/report@1"')
    code, out, err = crowdeval("leaderboard", runs)
    assert code == 0
    assert "warning: left out" in err
    assert "report-bad.json" in err
    assert "2 ranked" in out
    assert crowdeval("leaderboard", runs, "-q")[2] == ""
    alone = tmp_path / "alone"
    alone.mkdir()
    (alone / "report.json").write_text("{")
    assert crowdeval("leaderboard", alone)[0] == 3


def test_a_run_scored_twice_is_a_warning(crowdeval, runs):
    (runs / "again.json").write_text(
        report("a", 1, revision="", dataset="shanghaitech-a:test", date="2026-01-01").to_json()
    )
    _, out, err = crowdeval("leaderboard", runs)
    assert "scored more than once" in err
    assert "2 ranked" in out


def test_significance_is_tested_where_reports_hold_tables(crowdeval, runs):
    code, out, err = crowdeval("leaderboard", runs, "--significance")
    assert code == 0
    assert "Holm" in out
    assert "no evidence" in err


def test_another_protocol_is_shown_unranked(crowdeval, runs):
    (runs / "k1.json").write_text(report("c", protocol=Protocol(k=1), dataset="shanghaitech-a:test").to_json())
    out = crowdeval("leaderboard", runs)[1]
    assert "unranked: other protocol" in out
    assert "protocol P2" in out


def test_what_score_writes_can_be_ranked(crowdeval, tmp_path):
    example = ROOT / "examples" / "crowd"
    crowdeval("score", example / "preds.json", example / "gt.json", "--format", "json", "-o", tmp_path / "report.json")
    code, out, _ = crowdeval("leaderboard", tmp_path / "report.json", "--format", "csv")
    assert code == 0
    assert rows(out)[0]["rank"] == "1"


def test_a_scored_file_is_named_by_its_stem_or_by_name(crowdeval, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "gt.json").write_text('{"a": [[10, 10], [20, 10], [10, 20]]}')
    for place in ("near.json", "far.json", "x/preds.json", "y/preds.json"):
        (tmp_path / place).parent.mkdir(exist_ok=True)
        (tmp_path / place).write_text('{"a": [[10, 11], [20, 10]]}')
    for number, (place, *options) in enumerate(
        (["near.json"], ["far.json", "--name", "Far-Net", "--selected-on", "val"], ["x/preds.json"], ["y/preds.json"])
    ):
        assert crowdeval("score", place, "gt.json", "-o", f"r{number}.json", *options)[0] == 0
    code, out, _ = crowdeval("leaderboard", "r0.json", "r1.json", "r2.json", "r3.json", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert code == 0
    assert {row["model"]: row["selected_on"] for row in rows} == {
        "near": "", "Far-Net": "val", "x/preds.json": "", "y/preds.json": ""
    }  # fmt: skip
