"""Text forms of leaderboards; ``FORMS`` has them by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from crowdeval.plugins import Extensions

if TYPE_CHECKING:
    from crowdeval.leaderboards.build import Leaderboard


class Form(Protocol):
    """The contract of a text form of leaderboards: a function that makes the text."""

    def __call__(self, board: Leaderboard, *, best: bool = False) -> str:
        """Return the text of a leaderboard.

        Parameters
        ----------
        board : Leaderboard
            The leaderboard.
        best : bool
            Mark the best value of each column of a ranking, where the form can do so.

        Returns
        -------
        str
            The text, with its last line break.
        """


FORMS: Extensions[Form] = Extensions("leaderboard format", "crowdeval.leaderboard_renderers")
"""Name of a form to its function."""
