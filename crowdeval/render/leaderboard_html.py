"""A leaderboard as one HTML page that needs nothing else: sortable, light and dark, for screen readers too."""

from __future__ import annotations

from importlib.resources import files

from crowdeval.leaderboards.build import Leaderboard
from crowdeval.render.leaderboard_cells import ABSENT, ALIKE, WORSE, sheet


def html(board: Leaderboard, *, best: bool = False) -> str:
    """Return a leaderboard as an HTML page."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined)
    template = environment.from_string(
        files("crowdeval.render").joinpath("leaderboard.html.j2").read_text(encoding="utf-8")
    )
    meanings = {"↑": "higher is better", "↓": "lower is better", "→0": "nearer to zero is better", "": ""}
    marks = {WORSE: "differs significantly from the best", ALIKE: "no significant difference from the best"}
    return template.render(sheet=sheet(board, best=best), meanings=meanings, marks=marks, absent=ABSENT) + "\n"
