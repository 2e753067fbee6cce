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
