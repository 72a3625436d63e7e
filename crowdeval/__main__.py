"""python -m crowdeval: the command line."""

from crowdeval.cli import main

if __name__ == "__main__":
    main()
