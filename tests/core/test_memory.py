from lossland.core import _memory as memory


def test_free_memory_is_known_here():
    free = memory.free_bytes()
    assert free is not None
    assert 1e6 < free < 1e14
