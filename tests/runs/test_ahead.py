"""Items made ahead in threads: in order, each error in its place, within the memory."""

import time

import pytest

from crowdeval.runs.ahead import Ahead


def test_items_come_in_order_and_an_error_where_it_belongs():
    def make(number):
        time.sleep(0.002 * (number % 3))
        if number == 4:
            raise ValueError("four")
        return number * 10

    with Ahead(make, range(8), lambda number: 1, workers=3) as items:
        assert [items.take(number) for number in range(4)] == [0, 10, 20, 30]
        for _ in range(2):  # taken again, it is made again
            with pytest.raises(ValueError, match="four"):
                items.take(4)
        assert [items.take(number) for number in (5, 6, 7, 7)] == [50, 60, 70, 70]


def test_no_more_waits_than_fits_into_the_memory_and_a_larger_item_is_made_alone():
    sizes = {0: 4, 1: 4, 2: 4, 3: 100, 4: 1, 5: 1}
    begun = set()

    def make(number):
        begun.add(number)
        return number

    def waiting(after, bytes_expected):
        """The bytes of the items that are begun ahead, once they are at least the expected ones."""
        for _ in range(500):
            if sum(sizes[each] for each in begun if each > after) >= bytes_expected:
                break
            time.sleep(0.01)
        return sum(sizes[each] for each in begun if each > after)

    # behind 0: 1 and 2 (8 bytes); behind 1: 2; the large one is begun only when nothing else waits
    with Ahead(make, range(6), sizes.__getitem__, memory=10, workers=4) as items:
        for number, expected in ((0, 8), (1, 4), (2, 100), (3, 2), (4, 1), (5, 0)):
            items.take(number)
            assert waiting(number, expected) == expected


def test_leaving_early_makes_no_further_items():
    begun = []
    with Ahead(
        lambda number: begun.append(number) or time.sleep(0.01), range(1000), lambda number: 1, workers=2
    ) as items:
        items.take(0)
    time.sleep(0.1)
    assert len(begun) < 20
