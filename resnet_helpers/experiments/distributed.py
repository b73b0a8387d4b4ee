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

from resnet_helpers._check import first_line

DEVICES = ("auto", "cpu", "cuda")


class LostProcess(RuntimeError):
    """Another process of the same training has ended before its time."""


def rank():
    """This process's number; 0 writes the files."""
    return dist.get_rank() if dist.is_initialized() else 0


def world_size():
    """How many processes train together."""
    return dist.get_world_size() if dist.is_initialized() else 1


def device(name="auto"):
    """Where this process's copy of the network lies: "cpu", "cuda", a GPU of its own, or "auto".

    Raises:
        ValueError: there is no GPU, or none that this PyTorch can use.
    """
    if name not in DEVICES:
        raise ValueError(f"device={name!r}: expected one of {', '.join(DEVICES)}")
    if name == "cpu" or (name == "auto" and not torch.cuda.is_available()):
        return torch.device("cpu")
    try:
        gpu = torch.device("cuda", rank() % max(torch.cuda.device_count(), 1))
        torch.ones(1, device=gpu).add(1).item()  # a GPU may be there, and no kernel for it
    except (RuntimeError, AssertionError) as error:  # the latter: PyTorch was built without CUDA
        raise ValueError(
            f"device={name!r}: this PyTorch can't use a GPU here ({first_line(error)}): "
            "--device cpu (in Python: device='cpu') trains without"
        ) from error
    return gpu


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
        numbers = numbers.to("cuda" if dist.get_backend() == "nccl" else "cpu")
        dist.all_reduce(numbers)
    return numbers.cpu()


def average(means, count):
    """Means over the ``count`` images of this process, made means over those of all."""
    if world_size() == 1:
        return means
    *totals, images = total(count * torch.tensor([*means, 1], dtype=torch.float64)).tolist()
    return tuple(value / images for value in totals)


def from_first(work):
    """What ``work()`` returns in process 0, in all processes; a ValueError or OSError, too."""
    done = [None, None]
    if rank() == 0:
        try:
            done[0] = work()
        except (ValueError, OSError) as error:
            if world_size() == 1:
                raise
            done[1] = error
    if world_size() > 1:
        dist.broadcast_object_list(done)
    if done[1] is not None:
        raise done[1]
    return done[0]


def check_equal(value, what):
    """Raise a ValueError in all processes unless all have the same value."""
    values = [value] * world_size()
    if world_size() > 1:
        dist.all_gather_object(values, value)
    if len(set(values)) > 1:
        raise ValueError(f"the processes have different {what}: {values}; give all of them one")


@contextmanager
def process_group(name="auto"):
    """Join the processes that torchrun has started, if any; yields what ``device`` returns.

    Raises:
        LostProcess: another process ended before its time. ValueError: as ``device``.
    """
    if not dist.is_torchelastic_launched():
        yield device(name)
        return
    on_gpu = name != "cpu" and torch.cuda.is_available()
    dist.init_process_group("nccl" if on_gpu else "gloo")
    where = f"process {rank()} of {world_size()}"
    try:
        place = device(name)
        if on_gpu:
            torch.cuda.set_device(place)
        yield place
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
