"""Training and measuring a classifier: the lecture notes' functions, their faults mended.

What was mended: losses and metrics are divided by the number of images seen (the notes divide
by the whole data set even after a sanity check's single batch), the best weights are saved and
restored (there it was commented out), and the loss must be summed over a batch, not averaged.
"""

import io
import math
import pickle
import time
from collections.abc import Callable, Iterable
from functools import partial
from os import PathLike
from pathlib import Path
from typing import NamedTuple

import safetensors.torch
import torch
from safetensors.torch import load as load_safetensors
from torch import Tensor, nn
from torch.optim import SGD, Adam, Optimizer
from torch.optim.lr_scheduler import LambdaLR, ReduceLROnPlateau
from tqdm import tqdm

from resnet_helpers._check import first_line
from resnet_helpers._files import write_atomically

PARAMS = (
    "num_epochs", "optimizer", "loss_func", "train_dl", "val_dl", "sanity_check", "lr_scheduler",
    "path2weights",
)  # fmt: skip
HEAD = "epoch       lr   train loss  accuracy     val loss  accuracy   minutes"
Batches = Iterable[tuple[Tensor, Tensor]]
# What the bytes of a damaged or foreign file raise. To read the file comes before: what that raises
# says nothing of the file.
DAMAGED = (
    safetensors.SafetensorError, pickle.UnpicklingError, OSError, EOFError, RuntimeError,
    ValueError, LookupError, TypeError,
)  # fmt: skip


class Step(NamedTuple):
    """One batch of ``loss_epoch``, for whoever looks on."""

    index: int  # from 0, in the epoch
    images: Tensor
    labels: Tensor
    logits: Tensor  # those before the weights changed
    loss: float  # summed over the batch
    right: int  # the number of right answers


def get_lr(opt: Optimizer) -> float | list[float]:
    """The optimiser's learning rate; a list, one for each parameter group, where they differ."""
    rates = [group["lr"] for group in opt.param_groups]
    return rates[0] if len(set(rates)) == 1 else rates


def optimizer_for(model: nn.Module, recipe) -> Optimizer:
    """The optimiser of a recipe, for losses that are summed over a batch.

    Args:
        model: whose parameters are to be trained.
        recipe: anything with the numbers of a training on *mean* losses: ``optimizer`` ("adam"
            or "sgd"), ``learning_rate`` (the highest), ``batch_size``, ``weight_decay``, and of
            "sgd" ``momentum`` and ``nesterov``.
    """
    # Losses are summed, so gradients are batch_size times the mean's: SGD's rate is divided by
    # it, and any L2 decay multiplied. Adam's step doesn't depend on the gradients' scale.
    decay = recipe.weight_decay * recipe.batch_size
    if recipe.optimizer == "adam":
        return Adam(model.parameters(), recipe.learning_rate, weight_decay=decay)
    return SGD(
        model.parameters(),
        recipe.learning_rate / recipe.batch_size,
        recipe.momentum,
        weight_decay=decay,
        nesterov=recipe.nesterov,
    )


def mean_lr(opt: Optimizer, recipe) -> float:
    """``get_lr`` of an ``optimizer_for``, as its recipe counts it: for a mean loss."""
    rate = opt.param_groups[0]["lr"]
    return rate if recipe.optimizer == "adam" else rate * recipe.batch_size


def triangle(progress: float, warm_up: float) -> float:
    """The share of the highest rate: from 0 up to 1 at ``warm_up``, then down to 0 at 1.

    ``progress`` is the share of all steps that have been taken, ``warm_up`` one of them.
    """
    return min(progress / warm_up, (1 - progress) / (1 - warm_up))


def stairs(progress: float) -> float:
    """The share of the highest rate: a tenth of it from half of the steps on, then a hundredth.

    So "Deep Residual Learning for Image Recognition" (arXiv:1512.03385), section 4.2, trains: of
    64,000 steps it cuts the rate after 32,000 and 48,000.
    """
    return 1 if progress < 0.5 else 0.1 if progress < 0.75 else 0.01


def schedule_by_steps(opt: Optimizer, steps: int, share: Callable[[float], float]) -> LambdaLR:
    """A schedule moved on by the optimiser: ``share`` of the rate, by the share of steps taken."""
    schedule = LambdaLR(opt, lambda step: share(step / steps))
    opt.register_step_post_hook(lambda *_: schedule.step())
    return schedule


def metric_batch(output: Tensor, target: Tensor) -> int:
    """How often the largest of the logits (N, classes) is that of the target, int64 (N,)."""
    return int((output.argmax(1) == target).sum())


def loss_batch(
    loss_func: nn.Module, output: Tensor, target: Tensor, opt: Optimizer | None = None
) -> tuple[float, int]:
    """The loss summed over a batch and the number of right answers; with ``opt``, learn from it.

    Args:
        loss_func: sums over the batch, as ``nn.CrossEntropyLoss(reduction="sum")`` does.
        output: logits (N, classes). target: int64 (N,).
        opt: an optimiser: takes one step. None: only measures.
    """
    loss = loss_func(output, target)
    if opt is not None:
        descend(loss, opt)
    return loss.item(), metric_batch(output, target)


def descend(loss: Tensor, opt: Optimizer) -> None:
    """One step down the gradient of a loss."""
    opt.zero_grad()
    loss.backward()
    opt.step()


def loss_epoch(
    model: nn.Module,
    loss_func: nn.Module,
    dataset_dl: Batches,
    sanity_check: bool = False,
    opt: Optimizer | None = None,
    after_step: Callable[[Step], object] | None = None,
) -> tuple[float, float]:
    """The mean loss and the share of right answers over one pass through a loader.

    The loader is a ``BatchLoader`` or a ``DataLoader``. The model's mode, training or
    evaluation, is left as it is.

    Args:
        loss_func: sums over the batch.
        sanity_check: stop after one batch, and divide by that batch's size.
        opt: an optimiser: learns on the way. None: only measures.
        after_step: called with a ``Step`` after each batch.

    Raises:
        ValueError: ``loss_func`` averages over the batch, or the loader yields nothing.
    """
    if getattr(loss_func, "reduction", "sum") != "sum":
        way_out = "use nn.CrossEntropyLoss(reduction='sum'), since batches can differ in size"
        raise ValueError(
            f"loss_func has reduction={loss_func.reduction!r}: expected 'sum'; {way_out}"
        )
    device = next(model.parameters()).device
    total_loss, total_metric, seen = 0.0, 0, 0
    # disable=None: a bar in a terminal, none where the output is kept (notebook, file, pipe).
    for index, (xb, yb) in enumerate(tqdm(dataset_dl, leave=False, disable=None)):
        xb, yb = xb.to(device), yb.to(device)
        output = model(xb)
        loss, metric = loss_batch(loss_func, output, yb, opt)
        if after_step is not None:
            after_step(Step(index, xb, yb, output, loss, metric))
        total_loss += loss
        total_metric += metric
        seen += len(yb)
        if sanity_check:
            break
    if seen == 0:
        raise ValueError("the loader yields no batch: is its data set empty?")
    return total_loss / seen, total_metric / seen


def train_val(model: nn.Module, params: dict) -> tuple[nn.Module, dict, dict]:
    """Train a model, keep its best weights, and return it with them.

    After each epoch one row is printed. Whenever the validation loss is the lowest so far, the
    weights are written to ``path2weights``; they are loaded again at the end.

    Args:
        model: any classifier; trained in place.
        params: the notes' dictionary: ``num_epochs``, ``optimizer``, ``loss_func`` (sums over
            the batch), ``train_dl``, ``val_dl``, ``sanity_check`` (one batch an epoch),
            ``lr_scheduler`` (stepped once an epoch), ``path2weights`` (a file to be written:
            .safetensors, or .pt).

    Returns:
        The model with its best weights; the loss history and the metric history, each
        ``{"train": [...], "val": [...]}`` with one number an epoch. The training numbers are
        running means over the epoch, taken while the weights change.

    Raises:
        ValueError: something is missing from ``params``, or no file can be made of its path.
        FloatingPointError: a loss is no longer finite; ``path2weights`` keeps the best weights.
    """
    missing = [name for name in PARAMS if name not in params]
    if missing:
        raise ValueError(f"params lacks {', '.join(missing)}: expected {', '.join(PARAMS)}")
    if params["num_epochs"] < 1:
        raise ValueError(f"num_epochs={params['num_epochs']}: expected at least 1")
    _suffix(params["path2weights"])
    scheduler, path = params["lr_scheduler"], Path(params["path2weights"])
    loss_func, opt = params["loss_func"], params["optimizer"]
    loss_history = {"train": [], "val": []}
    metric_history = {"train": [], "val": []}
    best_loss = math.inf
    start = time.perf_counter()

    print(HEAD)
    for epoch in range(params["num_epochs"]):
        lr = get_lr(opt)
        model.train()
        train = loss_epoch(model, loss_func, params["train_dl"], params["sanity_check"], opt)
        model.eval()
        with torch.inference_mode():
            val = loss_epoch(model, loss_func, params["val_dl"], params["sanity_check"])
        if not math.isfinite(train[0] + val[0]):
            raise FloatingPointError(
                f"epoch {epoch + 1}: the loss is no longer finite ({train[0]}, {val[0]}) at "
                f"learning rate {lr}; try a tenth of it. {path} holds the best weights so far"
            )
        for history, at in ((loss_history, 0), (metric_history, 1)):
            history["train"].append(train[at])
            history["val"].append(val[at])

        best = val[0] < best_loss
        if best:
            best_loss = val[0]
            save_weights(model, path)
        if isinstance(scheduler, ReduceLROnPlateau):
            scheduler.step(val[0])
        else:
            scheduler.step()
        print_row(epoch + 1, lr, train, val, time.perf_counter() - start, best)

    load_weights(model, path)
    return model, loss_history, metric_history


def save_weights(model: nn.Module, path: str | PathLike, about: dict | None = None) -> None:
    """Write a model's weights atomically: safetensors, or PyTorch's own format for .pt.

    Args:
        about: texts by name, kept with the weights; in safetensors alone.

    Raises:
        ValueError: another suffix. OSError: the file can't be written.
    """
    weights = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    write = partial(safetensors.torch.save_file, weights, metadata=about)
    if _suffix(path) == ".pt":
        write = partial(torch.save, weights)
    try:
        write_atomically(path, write)
    except (safetensors.SafetensorError, RuntimeError) as error:  # how they tell of a full disk
        raise OSError(f"{path} can't be written: {error}") from error


def load_weights(model: nn.Module, path: str | PathLike) -> nn.Module:
    """Read what ``save_weights`` wrote into a model of the same shape, on the model's device.

    Raises:
        ValueError: the file is damaged, holds more than weights, or another network's weights;
            the model stays as it was. OSError: the file can't be read.
    """
    weights = _read_weights(path)
    shapes, expected = (
        {name: tensor.shape for name, tensor in tensors.items()}
        for tensors in (weights, model.state_dict())
    )
    odd = sorted({name for name, _ in shapes.items() ^ expected.items()})
    if odd:
        raise ValueError(
            f"{path} holds the weights of another network than this {type(model).__name__}: "
            f"{len(odd)} of its tensors differ in name or shape, the first is {odd[0]}"
        )
    model.load_state_dict(weights)
    return model


def unpickle(content: bytes) -> object:
    """What ``torch.save`` wrote, tensors on the CPU, without running code in it; raises DAMAGED."""
    file = io.BytesIO(content)
    return torch.load(file, map_location="cpu", weights_only=True)


def _read_weights(path):
    suffix, content = _suffix(path), Path(path).read_bytes()
    try:
        if suffix == ".safetensors":
            return load_safetensors(content)
        weights = unpickle(content)
    except DAMAGED as error:
        raise ValueError(
            f"{path} is damaged, or holds something else than weights: {first_line(error)}"
        ) from error
    if not isinstance(weights, dict) or not all(map(torch.is_tensor, weights.values())):
        raise ValueError(f"{path} holds something else than weights: expected a state_dict")
    return weights


@torch.inference_mode()
def predict(model: nn.Module, loader: Batches) -> tuple[Tensor, Tensor]:
    """Logits (N, classes) and labels (N,) of all that a loader yields, on the CPU.

    The model is put into evaluation mode and left in the mode in which it came.
    """
    device = next(model.parameters()).device
    was_training = model.training
    model.eval()
    try:
        batches = [(model(xb.to(device)).cpu(), yb.cpu()) for xb, yb in loader]
    finally:
        model.train(was_training)
    logits, labels = zip(*batches, strict=True)
    return torch.cat(logits), torch.cat(labels)


def confusion_matrix(logits: Tensor, labels: Tensor) -> Tensor:
    """How often each class (row) was given each answer (column): int64 (classes, classes).

    Args:
        logits: (N, classes). labels: int64 (N,). Both as ``predict`` returns them.

    Example:
        >>> confusion_matrix(torch.tensor([[2.0, 0.0], [1.0, 0.0]]), torch.tensor([0, 1]))
        tensor([[1, 0],
                [1, 0]])
    """
    classes = logits.shape[1]
    places = classes * labels + logits.argmax(1)
    return torch.bincount(places, minlength=classes**2).reshape(classes, classes)


def print_row(
    epoch: int, lr: float | list[float], train: tuple, val: tuple, seconds: float, best: bool
) -> None:
    """Print an epoch's line under ``HEAD``; ``train`` and ``val`` are (loss, accuracy)."""
    measured = f"{train[0]:12.4f} {train[1]:9.1%} {val[0]:12.4f} {val[1]:9.1%}"
    end = "   best" if best else ""
    print(f"{epoch:5d} {lr!s:>8.8} {measured} {seconds / 60:9.2f}{end}", flush=True)


def _suffix(path):
    suffix = Path(path).suffix
    if suffix not in (".safetensors", ".pt"):
        raise ValueError(f"{str(path)!r}: expected a name ending in .safetensors or .pt")
    return suffix
