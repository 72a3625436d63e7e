"""Standard streams that are full or closed: no traceback, and a warning never costs a result."""

import json
import os
import shlex
import subprocess
import sys

import pytest
from conftest import ROOT

EXAMPLE = ROOT / "examples" / "crowd"
PREDS, GT = EXAMPLE / "preds.json", EXAMPLE / "gt.json"

needs_full = pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")


def shell(words, streams):
    """Run the command line with redirected streams; returns (exit code, stdout, stderr)."""
    command = shlex.join([sys.executable, "-P", "-m", "crowdeval", *map(str, words)])
    run = subprocess.run(f"{command} {streams}", shell=True, capture_output=True, text=True, check=False)
    assert "Traceback" not in run.stderr
    assert "Exception ignored" not in run.stderr
    return run.returncode, run.stdout, run.stderr


VERBS = [
    ["score", PREDS, GT, "-q"],
    ["score", "--help"],
    ["check", PREDS, GT],
    ["convert", PREDS, "-o", "-"],
    ["schema", "predictions"],
    ["completion", "bash"],
    ["metrics"],
    ["datasets", "list"],
    ["signature"],
]


@needs_full
@pytest.mark.parametrize("words", VERBS, ids=lambda words: " ".join(map(str, words[:2])))
def test_a_full_standard_output_ends_with_4(words):
    code, _, err = shell(words, "> /dev/full")
    assert code == 4
    assert "error: standard output can't be written: " in err


@pytest.mark.parametrize("words", [VERBS[0], VERBS[3]], ids=["score", "convert"])
def test_a_closed_standard_output_ends_with_4(words):
    code, _, err = shell(words, ">&-")
    assert code == 4
    assert "standard output can't be written" in err


def test_a_closed_standard_output_is_fine_where_a_file_is_written(tmp_path):
    report = tmp_path / "report.json"
    assert shell(["score", PREDS, GT, "-q", "-o", report], ">&-")[0] == 0
    assert json.loads(report.read_text())["values"]


@needs_full
def test_a_leaderboard_on_a_full_standard_output_ends_with_4(tmp_path):
    report = tmp_path / "report.json"
    assert shell(["score", PREDS, GT, "-q", "-o", report], "")[0] == 0
    assert shell(["leaderboard", report], "> /dev/full")[0] == 4


def test_a_closed_standard_input_is_an_error_where_it_is_read():
    code, _, err = shell(["score", "-", GT, "-q"], "<&-")
    assert code == 4
    assert "standard input can't be read: it is closed" in err
    assert shell(["score", PREDS, GT, "-b"], "<&-")[0] == 0


@pytest.mark.parametrize("streams", ["2>&-", pytest.param("2>/dev/full", marks=needs_full)])
def test_a_warning_that_cannot_be_printed_never_loses_the_result(streams):
    code, out, _ = shell(["score", PREDS, GT, "-b"], streams)
    assert code == 0
    assert float(out) == pytest.approx(0.686, abs=1e-3)


@pytest.mark.parametrize("streams", ["2>&-", pytest.param("2>/dev/full", marks=needs_full)])
def test_an_error_that_cannot_be_printed_keeps_its_exit_code(streams):
    assert shell(["score", "absent.json", GT], streams)[0] == 4
    assert shell(["score", "--nonsense"], streams)[0] == 2


def test_all_streams_closed_end_with_4():
    assert shell(["score", PREDS, GT], "<&- >&- 2>&-")[0] == 4


def test_a_character_that_the_encoding_lacks_is_spelled_out(monkeypatch):
    monkeypatch.setenv("PYTHONIOENCODING", "latin-1")
    command = [sys.executable, "-P", "-m", "crowdeval", "score", str(PREDS), str(GT), "-q"]
    run = subprocess.run(command, capture_output=True, check=True)
    out = run.stdout.decode("latin-1")
    assert "nAP" in out
