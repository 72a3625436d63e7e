"""The command line of the baseline as ``python -m baselines.p2pnet``."""

from baselines.p2pnet.cli import main

main()
