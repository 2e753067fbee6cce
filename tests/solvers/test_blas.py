"""The number of threads of matrix products is set, and set again."""

import threading

from threadpoolctl import threadpool_info

from lossland.solvers._blas import one_thread


def _threads():
    return [each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"]


def test_the_number_of_threads_is_set_again():
    with one_thread():
        pass
    before = _threads()
    with one_thread(), one_thread():
        assert set(_threads()) == {1}
    assert _threads() == before

    def work():
        with one_thread():
            seen.append(_threads())

    seen = []
    worker = threading.Thread(target=work)
    worker.start()
    worker.join(30)
    assert set(seen[0]) == {1}
    assert _threads() == before


def test_who_leaves_first_leaves_the_others_their_one_thread():
    """Two callers overlap: the first to come leaves while the second still computes."""
    with one_thread():
        pass
    before, seen = _threads(), []
    first_left, second_came = threading.Event(), threading.Event()

    def second():
        with one_thread():
            second_came.set()
            assert first_left.wait(30)
            seen.append(_threads())

    worker = threading.Thread(target=second)
    with one_thread():
        worker.start()
        assert second_came.wait(30)
    first_left.set()
    worker.join(30)
    assert set(seen[0]) == {1}
    assert _threads() == before


def test_an_error_within_sets_the_number_again():
    with one_thread():
        pass
    before = _threads()
    try:
        with one_thread():
            raise ValueError("within")
    except ValueError:
        pass
    assert _threads() == before
