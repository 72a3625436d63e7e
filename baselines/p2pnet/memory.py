"""How torch takes its memory on a processor; to be said before its first tensor."""

import os

HUGE_PAGES = {"THP_MEM_ALLOC_ENABLE": "1"}
"""The variable, read once, that has torch ask Linux for huge pages under its large maps.

A new map then costs some 50 page faults, not 25,000.
"""


def ask_for_huge_pages() -> None:
    """Set the variable for this process, for a command line to call; what the user has set stays."""
    for name, value in HUGE_PAGES.items():
        os.environ.setdefault(name, value)
