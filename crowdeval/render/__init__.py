"""Text forms of reports and leaderboards; ``RENDERERS`` has the forms of reports by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from crowdeval.plugins import Extensions

if TYPE_CHECKING:
    from crowdeval.evaluation.report import Report

RENDERERS: Extensions[Callable[[Report], str]] = Extensions("output format", "crowdeval.renderers")
"""Name of a form to the function that makes its text: it takes a Report and returns a str."""
