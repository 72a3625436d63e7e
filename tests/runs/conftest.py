"""The dataset of the tests of runs."""

from toy_runs import dataset as dataset
