"""A leaderboard as one HTML page without other files: sortable, light and dark, readable by screen readers."""

from __future__ import annotations

from importlib.resources import files

from crowdeval.leaderboards.build import Leaderboard
from crowdeval.render.leaderboard_cells import ABSENT, ALIKE, WORSE, sheet


def html(board: Leaderboard, *, best: bool = False) -> str:
    """Return a leaderboard as an HTML page.

    Parameters
    ----------
    board : Leaderboard
        The leaderboard.
    best : bool
        Print the best value of each column of a ranking in bold.

    Returns
    -------
    str
        The page, in one file.

    Examples
    --------
    >>> from crowdeval.leaderboards.build import leaderboard
    >>> from crowdeval.leaderboards.results import Result
    >>> result = Result(model="a", dataset="nwpu:val", values={"MAE": 60.0}, source="measured", origin="a.json")
    >>> print(html(leaderboard([result])).splitlines()[0])
    <!doctype html>
    """
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined)
    template = environment.from_string(
        files("crowdeval.render").joinpath("leaderboard.html.j2").read_text(encoding="utf-8")
    )
    meanings = {"↑": "higher is better", "↓": "lower is better", "→0": "nearer to zero is better", "": ""}
    marks = {WORSE: "worse than the best", ALIKE: "undecided against the best"}
    return template.render(sheet=sheet(board, best=best), meanings=meanings, marks=marks, absent=ABSENT) + "\n"
