"""Leaderboards as text: one function a form, one table of names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from crowdeval.plugins import Extensions

if TYPE_CHECKING:
    from crowdeval.leaderboards.build import Leaderboard


class Form(Protocol):
    """Makes a text of a leaderboard; with ``best`` the best of each ranking is marked."""

    def __call__(self, board: Leaderboard, *, best: bool = False) -> str:
        """Return the text."""


FORMS: Extensions[Form] = Extensions("leaderboard format", "crowdeval.leaderboard_renderers")
"""Name to form."""
