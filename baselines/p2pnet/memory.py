"""Large memory pages for torch on the CPU; the setting must be made before torch allocates its first tensor."""

import os

HUGE_PAGES = {"THP_MEM_ALLOC_ENABLE": "1"}
"""Environment variable, read once by torch, that makes it request huge pages from Linux for large maps.

A new map then costs some 50 page faults instead of 25,000.
"""


def ask_for_huge_pages() -> None:
    """Set the environment variable of ``HUGE_PAGES`` for this process; a value that the user set is kept.

    Only a command line calls this.

    Examples
    --------
    >>> ask_for_huge_pages()
    >>> os.environ["THP_MEM_ALLOC_ENABLE"] != ""
    True
    """
    for name, value in HUGE_PAGES.items():
        os.environ.setdefault(name, value)
