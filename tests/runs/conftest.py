"""The dataset that runs are made of."""

from toy_runs import dataset as dataset
