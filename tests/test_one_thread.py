"""PyTorch's threads while small networks compute."""

import pytest
import torch

from resnet_helpers import one_thread


def test_one_thread_holds_inside_and_the_old_number_is_back_even_after_an_error():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with one_thread():
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 2
        with pytest.raises(RuntimeError, match="more than one value"), one_thread():
            bool(torch.zeros(3))
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
