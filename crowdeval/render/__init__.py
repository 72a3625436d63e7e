"""Reports as text: one module a form, one table of names."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from crowdeval.plugins import Extensions

if TYPE_CHECKING:
    from crowdeval.evaluation.report import Report

RENDERERS: Extensions[Callable[[Report], str]] = Extensions("output format", "crowdeval.renderers")
"""Name to a function from Report to text."""
