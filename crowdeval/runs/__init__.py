"""Runs of a predictor on a dataset: the folder, the prediction, the report, and suites of many runs."""
