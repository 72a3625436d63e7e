"""The forms of a leaderboard, against golden files and real parsers."""

import csv
import dataclasses
import io
import math
import os
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from toy_reports import board, counts, predictions, published, report

from crowdeval.leaderboards.build import leaderboard
from crowdeval.leaderboards.results import Result
from crowdeval.render.leaderboard import FORMS
from crowdeval.statistics.comparison import Difference

GOLDEN = Path(__file__).parent.parent / "golden"
TEXTS = ["table", "csv", "markdown", "latex", "html"]


def result(model, fingerprint="00112233445566", signature="crowdeval@1|preset:paper", **values):
    return Result(
        model=model, revision="1", dataset="toys:test", values=values, source="measured", origin=f"{model}.json",
        fingerprint=fingerprint, signature=signature, images=182, points=78862, selected_on="toys:val",
        date="2026-03-01T08:00:00Z",
    )  # fmt: skip


BOARD = leaderboard(
    [
        result("good", **{"nAP@0.05": 0.1094, "nAP": 0.64449, "MAE": 52.744, "RMSE": 1085.06}),
        result("p2p|net_<100%>", **{"nAP@0.05": 0.2, "nAP": 0.5, "MAE": 50.0, "RMSE": 1100.0}),
        result("bare", nAP=math.nan, MAE=60.0),
        result("elsewhere", fingerprint="ff", nAP=0.9),
        result(
            "alone", signature="crowdeval@1|preset:none", **{"F1@8px": 0.5, "Precision@8px": 0.4, "Recall@8px": 0.6}
        ),
        result(
            "other", signature="crowdeval@1|preset:none", **{"F1@8px": 0.7, "Precision@8px": 0.8, "Recall@8px": 0.6}
        ),
        dataclasses.replace(published("Old & Gold", nAP=0.109, MAE=62.3), decimals={"nAP": 3, "MAE": 1}),
    ]
)
ROW = BOARD.rankings[0].rows[1]
TESTED = dataclasses.replace(
    BOARD,
    tested=True,
    rankings=(
        dataclasses.replace(
            BOARD.rankings[0],
            rows=(
                BOARD.rankings[0].rows[0],
                dataclasses.replace(
                    ROW,
                    verdicts={
                        "nAP": Difference(a="b", b="a", difference=-0.1, p=0.0123, verdict="worse"),
                        "RMSE": Difference(a="b", b="a", difference=15.0, p=0.4),
                    },
                ),
                *BOARD.rankings[0].rows[2:],
            ),
        ),
        *BOARD.rankings[1:],
    ),
)


@pytest.mark.parametrize("form", TEXTS)
def test_every_form_equals_its_golden_file(form):
    golden = GOLDEN / f"leaderboard.{form}.txt"
    text = FORMS[form](TESTED, best=True)
    if os.environ.get("CROWDEVAL_WRITE_GOLDEN"):
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")


def test_every_form_has_a_text():
    assert set(TEXTS) == set(FORMS.table)


@pytest.mark.parametrize("form", TEXTS)
def test_every_form_shows_every_result_and_marks_what_is_not_ranked(form):
    text = FORMS[form](BOARD)
    for words in ("good", "elsewhere", "bare", "other test set", "nAP undefined", "published"):
        assert words in text


def records(board):
    return {row["model"]: row for row in csv.DictReader(io.StringIO(FORMS["csv"](board)))}


def test_csv_has_one_row_a_result_in_full_precision():
    found = records(BOARD)
    assert len(found) == 7
    assert float(found["good"]["nAP"]) == 0.64449
    assert float(found["good"]["MSE"]) == 1085.06
    assert found["good"]["signature"] == "crowdeval@1|preset:paper"
    assert found["good"]["fingerprint"] == "00112233445566"


def test_csv_leaves_empty_what_is_undefined_absent_or_unranked():
    found = records(BOARD)
    assert (found["bare"]["nAP"], found["bare"]["rank"], found["bare"]["unranked"]) == ("", "", "nAP undefined")
    assert (found["Old & Gold"]["rank"], found["Old & Gold"]["source"], found["Old & Gold"]["images"]) == (
        "", "published", ""
    )  # fmt: skip
    assert [found[name]["ranking"] for name in ("good", "other", "elsewhere")] == ["1", "2", ""]


def test_csv_has_p_values_only_where_differences_were_tested():
    assert records(TESTED)["p2p|net_<100%>"]["p nAP"] == "0.0123"
    assert "p nAP" not in records(BOARD)["good"]


@pytest.mark.parametrize(
    ("form", "bold"), [("markdown", "**52.74**"), ("latex", r"\textbf{52.74}"), ("html", "<strong>")]
)
def test_the_best_is_bold_only_on_request(form, bold):
    mine = bold.replace("52.74", "50.00")
    assert mine in FORMS[form](BOARD, best=True)
    assert mine not in FORMS[form](BOARD)


def test_published_numbers_keep_their_printed_digits():
    assert "| 0.109 |" in FORMS["markdown"](BOARD)
    assert "| 62.3 |" in FORMS["markdown"](BOARD)


def test_the_legend_states_the_test_its_level_and_its_correction():
    for words in ("randomization is below 0.05", "bootstrap-t interval", "Holm", "all pairs"):
        assert words in FORMS["markdown"](TESTED)
    assert "Holm" not in FORMS["markdown"](BOARD)


@pytest.mark.parametrize("form", TEXTS)
def test_counts_given_beside_points_are_mentioned_in_every_form(form):
    own = dataclasses.replace(predictions(), counts=np.array([4.0, 2.5, 3.0]))
    made = board(report("both", predicted=own), report("counter", predicted=counts([4, 2, 3])), report("points"))
    words = "Counting errors are of the counts that the predictions give beside their points, not of the points: both"
    if form == "csv":
        rows = {row["model"]: row["counts"] for row in csv.DictReader(io.StringIO(FORMS[form](made)))}
        assert rows == {"both": "given", "counter": "", "points": ""}
    else:
        assert FORMS[form](made).count(f"{words}.") == 1
        assert words not in FORMS[form](board(report("counter", predicted=counts([4, 2, 3])), report("points")))


def test_markdown_rows_have_as_many_cells_as_their_head():
    tables = FORMS["markdown"](TESTED, best=True).split("## ")[1:]
    assert len(tables) == 2
    for table in tables:
        rows = [line for line in table.splitlines() if line.startswith("|")]
        assert {len(re.split(r"(?<!\\)\|", row)) for row in rows} == {len(re.split(r"\|", rows[0]))}


def test_latex_rows_have_as_many_cells_as_columns():
    for tabular in re.findall(r"\\begin{tabular}{(\w+)}(.*?)\\end{tabular}", FORMS["latex"](TESTED), re.DOTALL):
        rows = [line for line in tabular[1].splitlines() if line.endswith(r"\\")]
        assert {len(re.split(r"(?<!\\)&", row)) for row in rows} == {len(tabular[0])}


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_latex_compiles(tmp_path):
    body = FORMS["latex"](TESTED, best=True)
    (tmp_path / "doc.tex").write_text(
        "\\documentclass{article}\\usepackage{booktabs}\\begin{document}\n" + body + "\\end{document}\n",
        encoding="utf-8",
    )
    run = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "doc.tex"],
        cwd=tmp_path, capture_output=True, text=True, check=False, errors="replace",
    )  # fmt: skip
    assert run.returncode == 0, run.stdout[-2000:]


class Page(HTMLParser):
    """Reads a page: open elements have to close in order; tables become rows of cell texts."""

    VOID = frozenset({"meta", "br", "link", "img", "input"})

    def __init__(self):
        super().__init__()
        self.open, self.tables, self.elements = [], [], []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if {"td", "th"} & set(self.open):
            self.tables[-1][-1][-1] += data


def page(board=TESTED):
    parser = Page()
    parser.feed(FORMS["html"](board, best=True))
    parser.close()
    assert parser.open == []
    return parser


def test_html_is_well_formed_with_a_table_for_each_ranking():
    first, second = page().tables
    assert len(first) == 1 + 5
    assert len(second) == 1 + 2
    assert {len(row) for row in first} == {len(first[0])}
    assert first[1][:2] == ["1", "good@1"]


def test_html_escapes_what_comes_from_outside():
    evil = result("<script>alert(1)</script>", MAE=1.0)
    text = FORMS["html"](leaderboard([evil]))
    assert "<script>alert" not in text
    assert page(leaderboard([evil])).tables[0][1][1] == "<script>alert(1)</script>@1"


def test_html_needs_nothing_from_elsewhere():
    text = FORMS["html"](TESTED)
    assert not re.search(r"\b(src|href)=|https?://|@import|url\(", text)


def test_html_is_made_for_light_dark_keyboard_and_screen_readers():
    parsed = page()
    tags = [tag for tag, _ in parsed.elements]
    assert ("html", {"lang": "en"}) in parsed.elements
    assert "prefers-color-scheme: dark" in FORMS["html"](TESTED)
    assert all("scope" in attrs for tag, attrs in parsed.elements if tag == "th")
    assert tags.count("caption") == tags.count("table") == 2
    assert tags.count("button") == sum(attrs.get("scope") == "col" for _, attrs in parsed.elements)


def test_html_cells_carry_the_numbers_that_sorting_needs():
    values = [attrs["data-value"] for tag, attrs in page().elements if tag == "td" and "data-value" in attrs]
    assert all(value == "" or math.isfinite(float(value)) for value in values)
    assert "0.64449" in values
