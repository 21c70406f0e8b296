"""Work in lanes keeps its order, looks ahead no further than it may, and passes errors on."""

import threading

import pytest

from catomo.reconstruct.lanes import in_order


@pytest.mark.parametrize("lanes", [1, 2, 5])
def test_results_come_in_order(lanes):
    turn = threading.Event()

    def work(i):
        if lanes > 1 and i % 2 == 0:
            turn.wait(0.05)  # the even ones are late
        return i * i

    assert list(in_order(work, range(9), lanes)) == [i * i for i in range(9)]


@pytest.mark.parametrize("lanes", [1, 2])
def test_no_more_is_begun_than_the_lanes_hold(lanes):
    begun = []

    def work(i):
        begun.append(i)
        return i

    for i in in_order(work, range(20), lanes):
        assert len(begun) <= i + 1 + (lanes if lanes > 1 else 0)


def test_lanes_work_at_the_same_time():
    together = threading.Barrier(2, timeout=10)

    def work(i):
        together.wait()
        return i

    assert list(in_order(work, range(4), 2)) == [0, 1, 2, 3]


@pytest.mark.parametrize("lanes", [1, 2])
def test_an_error_comes_out_where_it_happened(lanes):
    def work(i):
        if i == 2:
            raise ValueError("two")
        return i

    results = in_order(work, range(6), lanes)
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(ValueError, match="two"):
        next(results)


def test_a_consumer_that_stops_leaves_no_thread_behind():
    before = threading.active_count()
    results = in_order(lambda i: i, range(100), 2)
    assert next(results) == 0
    results.close()
    assert threading.active_count() == before
