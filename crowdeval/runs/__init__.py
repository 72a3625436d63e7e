"""A predictor over a dataset: its folder, its work, its score, and suites of many."""
