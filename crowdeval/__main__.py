"""The command line, for ``python -m crowdeval``."""

from crowdeval.cli import main

if __name__ == "__main__":
    main()
