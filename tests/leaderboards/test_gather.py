"""A leaderboard from reports, files, folders and published tables, from Python as from the command line."""

import warnings

import pytest

from crowdeval import build_leaderboard, evaluate, write_evidence
from crowdeval.errors import CrowdevalWarning, FormatError, InputError, MissingFileError, UsageError
from crowdeval.evaluation.evaluate import evidence_of

TRUE = {"a": [[10, 10], [20, 10], [15, 30]], "b": [[5, 5]]}
FOUND = {
    "near": {"a": ([[10, 11], [20, 10], [15, 29]], [0.9, 0.8, 0.7]), "b": ([[5, 5]], [0.5])},
    "far": {"a": ([[10, 18], [90, 10]], [0.9, 0.8]), "b": ([], [])},
}


@pytest.fixture
def reports():
    with warnings.catch_warnings(action="ignore"):
        return {name: evaluate(points, TRUE) for name, points in FOUND.items()}


def models(board):
    return [(row.rank, row.result.model) for ranking in board.rankings for row in ranking.rows]


def test_reports_by_the_name_of_their_model(reports):
    board = build_leaderboard(reports)
    assert models(board) == [(1, "near"), (2, "far")]
    assert reports["near"].about.get("model") is None
    assert "near" in str(board)
    assert len(repr(board).splitlines()) == 1
    assert board.text("csv").count("\n") == 3
    assert [row[1] for row in models(build_leaderboard(reports, by="MAE"))] == ["near", "far"]


def test_files_folders_evidence_and_reports_together(reports, tmp_path, crowdeval):
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "near.json").write_text(reports["near"].to_json())
    from crowdeval import Annotations, Predictions

    sides = Predictions.from_images(FOUND["far"]), Annotations.from_images(TRUE)
    write_evidence(evidence_of(*sides, names=("far.json", "gt.json")), tmp_path / "far.arrow")
    board = build_leaderboard([tmp_path / "runs", str(tmp_path / "far.arrow")])
    assert [rank for rank, _ in models(board)] == [1, 2]
    code, out, _ = crowdeval("leaderboard", str(tmp_path / "runs"), str(tmp_path / "far.arrow"), "--format", "csv")
    assert (code, out) == (0, board.text("csv"))
    assert models(build_leaderboard(tmp_path / "runs")) == [(1, "predictions")]
    assert models(build_leaderboard(reports["near"])) == [(1, "predictions")]


def test_published_numbers_stand_beside(reports):
    board = build_leaderboard(published=True, dataset="nwpu")
    assert all(row.rank is None for ranking in board.rankings for row in ranking.rows)
    assert len(models(board)) > 3


def test_what_is_wrong_is_named(reports, tmp_path):
    with pytest.raises(UsageError, match="a leaderboard needs reports"):
        build_leaderboard([])
    with pytest.raises(InputError, match="made of paths and reports, found 3"):
        build_leaderboard([reports["near"], 3])  # type: ignore[list-item]
    with pytest.raises(InputError, match="for 'x'"):
        build_leaderboard({"x": "report.json"})  # type: ignore[dict-item]
    with pytest.raises(MissingFileError, match="no report in"):
        build_leaderboard(tmp_path)
    with pytest.raises(MissingFileError, match="no such file or folder"):
        build_leaderboard(tmp_path / "none")
    (tmp_path / "bad.json").write_text('{"format": "crowdeval/report@2"}')
    with pytest.raises(FormatError):
        build_leaderboard(tmp_path)
    (tmp_path / "good.json").write_text(reports["near"].to_json())
    with pytest.warns(CrowdevalWarning, match="left out .*bad.json"):
        assert len(models(build_leaderboard(tmp_path))) == 1
    with pytest.raises(UsageError, match="no result has"):
        build_leaderboard(reports, by="F1@3px")
