"""Several processes that train one network, as torchrun starts them.

    torchrun --nproc-per-node 2 -m resnet_helpers train …

Each process holds a copy of the network and takes its part of every batch; their gradients are
added up before each step (PyTorch's DistributedDataParallel), so all copies stay equal. Losses
are summed over a batch, so the step is the one that a single process would take on the whole
batch. Batch norm is the exception: each process normalises its own part.
"""

from contextlib import contextmanager

import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel


class LostProcess(RuntimeError):
    """Another process of the same training has ended before its time."""


def rank():
    """This process's number; 0 writes the files."""
    return dist.get_rank() if dist.is_initialized() else 0


def world_size():
    """How many processes train together."""
    return dist.get_world_size() if dist.is_initialized() else 1


def device():
    """Where this process's copy of the network lies: a GPU of its own if there is one."""
    if not torch.cuda.is_available():
        return torch.device("cpu")
    return torch.device("cuda", rank() % torch.cuda.device_count())


def parallel(model):
    """The model, wrapped so that ``backward`` adds up the gradients of all processes."""
    if world_size() == 1:
        return model
    wrapped = DistributedDataParallel(model)
    wrapped.register_comm_hook(None, _sum_gradients)
    return wrapped


def total(numbers):
    """A tensor, added up over all processes, on the CPU."""
    if world_size() > 1:
        numbers = numbers.to(device())
        dist.all_reduce(numbers)
    return numbers.cpu()


def average(means, count):
    """Means over the ``count`` images of this process, made means over those of all."""
    if world_size() == 1:
        return means
    *totals, images = total(count * torch.tensor([*means, 1], dtype=torch.float64)).tolist()
    return tuple(value / images for value in totals)


def from_first(value):
    """Process 0's value, in all processes, which wait for it."""
    values = [value]
    if world_size() > 1:
        dist.broadcast_object_list(values)
    return values[0]


@contextmanager
def process_group():
    """Join the processes that torchrun has started; without torchrun there is one.

    Raises:
        LostProcess: another process ended before its time.
    """
    if not dist.is_torchelastic_launched():
        yield
        return
    dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    if torch.cuda.is_available():
        torch.cuda.set_device(device())
    where = f"process {rank()} of {world_size()}"
    try:
        yield
    except RuntimeError as error:
        # gloo raises plain RuntimeErrors: only their text tells.
        words = ("gloo", "connection", "nccl", "socket")
        if not (isinstance(error, dist.DistError) or any(w in str(error).lower() for w in words)):
            raise
        raise LostProcess(f"{where} got no answer from another one, which has ended") from error
    finally:
        dist.destroy_process_group()


def _sum_gradients(_, bucket):
    future = dist.all_reduce(bucket.buffer(), async_op=True).get_future()
    return future.then(lambda reduced: reduced.value()[0])
