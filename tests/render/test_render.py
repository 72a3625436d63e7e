"""The forms of a report, against golden files."""

import csv
import io
import math
import os
from pathlib import Path

import pytest

from crowdeval import Protocol, Report
from crowdeval.evaluation.report import Side
from crowdeval.render import RENDERERS
from crowdeval.render.numbers import number

GOLDEN = Path(__file__).parent.parent / "golden"

REPORT = Report(
    values={"nAP": 0.64449, "nAP@0.05": 0.109, "nAP@0.5": 0.901, "MAE": 52.74, "RMSE": 1085.06, "NAE": math.nan,
            "TP@sigma_l": 130742.0},
    protocol=Protocol(delta="0.05,0.5"),
    images=182,
    predictions=Side(name="p2p[net]_100%.json", fingerprint="ab", points=80123),
    annotations=Side(name="part_A", fingerprint="cd", points=78862),
)  # fmt: skip


@pytest.mark.parametrize("form", ["table", "csv", "markdown", "latex"])
def test_every_form_equals_its_golden_file(form):
    golden = GOLDEN / f"report.{form}.txt"
    text = RENDERERS[form](REPORT)
    if os.environ.get("CROWDEVAL_WRITE_GOLDEN"):
        golden.write_text(text)
    assert text == golden.read_text()


def test_csv_holds_full_precision_and_leaves_the_undefined_empty():
    head, row = csv.reader(io.StringIO(RENDERERS["csv"](REPORT)))
    record = dict(zip(head, row, strict=True))
    assert float(record["nAP"]) == 0.64449
    assert record["NAE"] == ""
    assert Protocol.parse(record["signature"]) == REPORT.protocol


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("nAP@0.5", 0.90149, "0.9015"),
        ("MAE", 1234.5, "1234.50"),
        ("RMSE by scene_level=3", 7.0, "7.00"),
        ("F1@sigma_l", 0.59824, "0.5982"),
        ("TP@sigma_l", 130742.0, "130,742"),
        ("Recall@sigma_l by level=A0", 0.04, "0.0400"),
        ("MLE@16px", 9.617, "9.62"),
        ("GAME(2)", 12.0, "12.00"),
        ("NAE", 0.5, "0.5000"),
        ("MAE", math.nan, "undefined"),
    ],
)
def test_numbers_have_the_digits_of_their_metric(name, value, text):
    assert number(name, value) == text
