"""Evidence files on the command line: written with a report, scored and ranked without points, refused elsewhere."""

import json
import subprocess
import sys

import pytest
from conftest import ROOT

EXAMPLE = ROOT / "examples" / "crowd"
PREDS, GT = EXAMPLE / "preds.json", EXAMPLE / "gt.json"


@pytest.fixture
def written(crowdeval, tmp_path):
    """A report and the evidence that it names."""
    files = tmp_path / "report.json", tmp_path / "e.arrow"
    code, _, err = crowdeval("score", PREDS, GT, "-o", files[0], "--evidence", files[1])
    assert (code, err.count("wrote")) == (0, 2)
    return files


def test_evidence_gives_the_report_that_the_points_give(crowdeval, written):
    _, own, _ = crowdeval("score", written[1], "--format", "json", "-q")
    from_points, from_evidence = json.loads(written[0].read_text()), json.loads(own)
    named = from_points.pop("evidence")
    assert from_evidence == from_points
    assert named["file"] == "e.arrow"


def test_each_notice_is_printed_once(crowdeval, written):
    for args in ((PREDS, GT), (written[1],)):
        _, _, err = crowdeval("score", *args)
        assert err.count("tied-confidences") == 1
        assert "NoticeWarning" not in err


def test_the_file_is_named_as_seen_from_the_report(crowdeval, tmp_path):
    (tmp_path / "reports").mkdir()
    (tmp_path / "kept").mkdir()
    crowdeval("score", PREDS, GT, "-o", tmp_path / "reports" / "r.json", "--evidence", tmp_path / "kept" / "e.arrow")
    assert json.loads((tmp_path / "reports" / "r.json").read_text())["evidence"]["file"] == "../kept/e.arrow"


def test_area_pool_and_metrics_are_chosen_anew(crowdeval, written):
    for given in (["--ap", "coco101"], ["--pool", "image"], ["-m", "nAP@0.3"], ["--delta", "0.1,0.3"]):
        _, own, _ = crowdeval("score", written[1], *given, "--format", "json", "-q")
        _, expected, _ = crowdeval("score", PREDS, GT, *given, "--format", "json", "-q")
        assert json.loads(own) == json.loads(expected), given


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["-m", "nAP@0.33"], "has no threshold 0.33"),
        (["--k", "4"], "made with k = 3, not 4"),
        ([GT], "holds both sides: leave out"),
        (["-m", "F1@4px"], "holds nothing for F1@4px"),
    ],
)
def test_what_it_can_not_give_is_a_usage_error(crowdeval, written, given, words):
    code, out, err = crowdeval("score", written[1], *given)
    assert (code, out) == (2, "")
    assert words in err
    assert err.count("error:") == 1


def test_what_needs_coordinates_says_so(crowdeval, written, tmp_path):
    for args in (["check", written[1]], ["check", written[1], GT], ["convert", written[1], "-o", tmp_path / "x.csv"],
                 ["score", PREDS, written[1]]):  # fmt: skip
        code, _, err = crowdeval(*args)
        assert code == 2, args
        assert "is evidence, which holds no coordinates" in err
    assert not (tmp_path / "x.csv").exists()


def test_a_damaged_or_foreign_file_is_one_message_and_exit_3(crowdeval, written, tmp_path):
    data = written[1].read_bytes()
    for content in (data[:4000], data[:-1], data[:9000] + b"\0" * 64 + data[9064:], b"ARROW1 and more"):
        (tmp_path / "d.arrow").write_bytes(content)
        for verb in ("score", "leaderboard"):
            code, out, err = crowdeval(verb, tmp_path / "d.arrow")
            assert (code, out) == (3, ""), verb
            assert err.count("\n") == 1
            assert "d.arrow: expected evidence" in err


def test_gates_and_brief_work_on_evidence(crowdeval, written):
    assert crowdeval("score", written[1], "--fail-under", "nAP=0.99", "-q")[0] == 10
    code, out, _ = crowdeval("score", written[1], "--brief", "-q")
    assert (code, float(out)) == (0, json.loads(written[0].read_text())["values"]["nAP"])


def test_evidence_is_never_written_over_an_input(crowdeval, written):
    code, _, err = crowdeval("score", written[1], "--evidence", written[1])
    assert code == 2
    assert "would be overwritten" in err
    code, _, err = crowdeval("score", PREDS, GT, "--evidence", "e.npz")
    assert code == 2
    assert "ends in .arrow" in err


def test_a_leaderboard_takes_evidence_and_finds_that_of_reports(crowdeval, written, tmp_path):
    other = json.loads(PREDS.read_text())
    for image in other["images"]:
        image["points"], image["scores"] = image["points"][::2], image["scores"][::2]
    (tmp_path / "half.json").write_text(json.dumps(other))
    report, kept = tmp_path / "r2.json", tmp_path / "e2.arrow"
    crowdeval("score", tmp_path / "half.json", GT, "-q", "-o", report, "--evidence", kept)
    for paths in ([written[0], report], [written[1], kept]):
        code, out, err = crowdeval("leaderboard", *paths, "--significance", "--format", "markdown")
        assert code == 0, err
        assert "not tested" not in err
        worse = next(line for line in out.splitlines() if "| half |" in line)
        assert worse.count("†") + worse.count("≈") >= 6, worse
    (tmp_path / "e2.arrow").unlink()
    code, _, err = crowdeval("leaderboard", written[0], report, "--significance")
    assert code == 0
    assert "there is no file" in err
    assert "--evidence FILE -o REPORT" in err


def test_a_part_records_what_it_lacks_and_is_no_error(crowdeval, tmp_path):
    code, _, err = crowdeval("score", PREDS, GT, "-m", "nAP", "-m", "F1@sigma_l", "--evidence", tmp_path / "e.arrow")
    assert code == 0
    assert "left-out: F1@sigma_l" in err
    assert crowdeval("score", PREDS, GT, "-m", "F1@sigma_l")[0] == 3


def test_points_through_a_pipe_are_still_points(tmp_path):
    command = f"{sys.executable} -m crowdeval score <(cat {PREDS}) {GT} --brief -q"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    assert 0 < float(done.stdout) < 1
