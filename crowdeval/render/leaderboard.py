"""Leaderboards as text: one function a form, one table of names and file suffixes."""

from __future__ import annotations

from crowdeval.plugins import Extensions

FORMS = Extensions(
    "leaderboard format",
    "crowdeval.leaderboard_renderers",
    {
        "table": "crowdeval.render.leaderboard_table:table",
        "csv": "crowdeval.render.leaderboard_documents:csv",
        "markdown": "crowdeval.render.leaderboard_documents:markdown",
        "latex": "crowdeval.render.leaderboard_latex:latex",
        "html": "crowdeval.render.leaderboard_html:html",
    },
)
"""Name to a function from Leaderboard and ``best`` to text."""

SUFFIXES = {
    ".csv": "csv",
    ".md": "markdown",
    ".markdown": "markdown",
    ".tex": "latex",
    ".html": "html",
    ".htm": "html",
    ".txt": "table",
}
"""File suffix to form."""
