"""Leaderboards: rankings of reports that are comparable, with published numbers beside them."""
