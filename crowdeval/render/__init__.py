"""Reports as text: one module a form, one table of names."""

from __future__ import annotations

from crowdeval.plugins import Extensions

RENDERERS = Extensions(
    "output format",
    "crowdeval.renderers",
    {
        "table": "crowdeval.render.table:table",
        "json": "crowdeval.render.documents:json",
        "csv": "crowdeval.render.documents:csv",
        "markdown": "crowdeval.render.documents:markdown",
        "latex": "crowdeval.render.documents:latex",
    },
)
"""Name to a function from Report to text."""
