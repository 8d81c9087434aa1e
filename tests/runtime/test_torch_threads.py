import threading

import pytest
import torch

from pose3d.runtime.torch_threads import map_in_threads, torch_threads


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_results_come_in_order_from_threads_that_compute_by_themselves(two_threads):
    together = threading.Barrier(2, timeout=30)  # which one thread alone would never pass

    def compute(number: int) -> tuple[int, int, bool]:
        together.wait()
        return number, torch.get_num_threads(), threading.current_thread() is threading.main_thread()

    assert list(map_in_threads(compute, range(8))) == [(number, 1, False) for number in range(8)]
    assert torch.get_num_threads() == 2


def test_an_error_comes_out_and_leaves_torchs_threads_as_they_were(two_threads):
    def compute(number: int) -> int:
        return 1 // number

    with pytest.raises(ZeroDivisionError):
        list(map_in_threads(compute, [2, 0]))
    assert torch.get_num_threads() == 2


def test_a_number_of_threads_holds_until_the_block_ends(two_threads):
    with pytest.raises(KeyError), torch_threads(1):
        assert torch.get_num_threads() == 1
        raise KeyError
    assert torch.get_num_threads() == 2
