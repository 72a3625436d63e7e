"""Images decoded in threads ahead of the predictor, in the order in which it needs them, within a memory limit."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Generic, TypeVar

Item = TypeVar("Item")

MEMORY = 1 << 30
"""Bytes of the items that are decoded, or being decoded, and not yet taken."""


class Ahead(Generic[Item]):
    """Items that are made in threads before they are taken; used in a ``with`` statement.

    Parameters
    ----------
    make : callable
        Function that makes the item of a number. It runs in threads; its error is raised where the item is taken.
    order : sequence of int
        The numbers in the order in which they will be taken.
    size : callable
        Function that returns the expected bytes of an item.
    memory : int
        Bytes of the items that wait; a single larger one is made alone.
    workers : int, optional
        Number of threads; by default one for each core, at most eight.

    Examples
    --------
    >>> with Ahead(lambda number: number**2, [1, 2, 3], lambda number: 8) as squares:
    ...     [squares.take(number) for number in (1, 2, 2, 3)]
    [1, 4, 4, 9]
    """

    def __init__(
        self,
        make: Callable[[int], Item],
        order: Sequence[int],
        size: Callable[[int], int],
        *,
        memory: int = MEMORY,
        workers: int | None = None,
    ) -> None:
        self._make, self._order, self._size, self._memory = make, order, size, memory
        self._workers = workers or min(8, os.cpu_count() or 1)
        self._waiting: dict[int, Future[Item]] = {}
        self._next = self._bytes = 0

    def __enter__(self) -> Ahead[Item]:
        self._pool = ThreadPoolExecutor(self._workers, thread_name_prefix="crowdeval-decoding")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._waiting.clear()

    def take(self, number: int) -> Item:
        """Return the item of a number, and let further ones be made; one that is taken again is made again.

        Parameters
        ----------
        number : int
            The number.

        Returns
        -------
        Item

        Raises
        ------
        Exception
            The error of ``make``.
        """
        self._fill()
        future = self._waiting.pop(number, None)
        if future is None:
            return self._make(number)
        try:
            return future.result()
        finally:
            self._bytes -= self._size(number)
            self._fill()

    def _fill(self) -> None:
        """Let items be made as long as they fit into the memory."""
        while self._next < len(self._order):
            number = self._order[self._next]
            size = self._size(number)
            if self._waiting and self._bytes + size > self._memory:
                return
            self._waiting[number] = self._pool.submit(self._make, number)
            self._bytes += size
            self._next += 1
