"""How torch takes its memory on a processor; to be said before its first tensor."""

import os


def ask_for_huge_pages() -> None:
    """Have torch ask Linux for huge pages under its large maps: a new map then costs some 50 page faults, not 25,000.

    Sets the variable ``THP_MEM_ALLOC_ENABLE``, which torch reads once; what the user has set stays.
    """
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
