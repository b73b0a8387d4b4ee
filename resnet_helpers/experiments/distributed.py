"""Several processes that train one network together, as torchrun starts them.

    torchrun --nproc-per-node 2 -m resnet_helpers train …

Each process holds a copy of the network and takes its share of every batch; their gradients are
added up before each step (PyTorch's DistributedDataParallel), so all copies stay equal. Losses
are summed over a batch, so gradients are summed over the processes: the step is the one that a
single process would take on the whole batch. Batch norm is the exception: each process
normalises its own share, unless ``torch.nn.SyncBatchNorm`` is used.
"""

from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel


class LostProcess(RuntimeError):
    """Another process of the same training has ended before its time."""


@dataclass(frozen=True)
class Processes:
    """This process's place among those that train together.

    Attributes:
        rank: its number; 0 writes the files. count: how many there are.
        device: where its copy of the network lies.
    """

    rank: int
    count: int
    device: torch.device

    def together(self, model):
        """The model, wrapped so that ``backward`` adds up the gradients of all processes."""
        if self.count == 1:
            return model
        wrapped = DistributedDataParallel(model)
        wrapped.register_comm_hook(None, _sum_gradients)
        return wrapped

    def total(self, numbers):
        """A float64 tensor, added up over all processes, on the CPU."""
        if self.count > 1:
            numbers = numbers.to(self.device)
            dist.all_reduce(numbers)
        return numbers.cpu()

    def from_first(self, make):
        """What a function returns in process 0, in all; an error there is raised in all."""
        if self.count == 1:
            return make()
        box = [None, None]
        if self.rank == 0:
            try:
                box[0] = make()
            except (ValueError, OSError) as error:
                box[1] = error
        dist.broadcast_object_list(box)
        if box[1] is not None:
            raise box[1]
        return box[0]


@contextmanager
def processes():
    """Join the processes that torchrun has started; without torchrun there is one.

    Raises:
        LostProcess: another process ended before its time.
    """
    cuda = torch.cuda.is_available()
    if not dist.is_torchelastic_launched():
        yield Processes(0, 1, torch.device("cuda" if cuda else "cpu"))
        return
    dist.init_process_group("nccl" if cuda else "gloo")
    rank, count = dist.get_rank(), dist.get_world_size()
    device = torch.device("cpu")
    if cuda:
        device = torch.device("cuda", rank % torch.cuda.device_count())
        torch.cuda.set_device(device)
    try:
        yield Processes(rank, count, device)
    except RuntimeError as error:
        if not _is_broken_line(error):
            raise
        raise LostProcess(
            f"process {rank} of {count} got no answer from another one, which has ended"
        ) from error
    finally:
        dist.destroy_process_group()


def _sum_gradients(_, bucket):
    future = dist.all_reduce(bucket.buffer(), async_op=True).get_future()
    return future.then(lambda reduced: reduced.value()[0])


def _is_broken_line(error):
    # gloo raises plain RuntimeErrors: only their text tells.
    words = ("gloo", "connection", "nccl", "socket", "reset by peer")
    return isinstance(error, dist.DistError) or any(word in str(error).lower() for word in words)
