"""What goes on inside a network: measured on a copy, so that the network stays as it was.

Images are what the network takes: floats (N, 3, H, W), normalised.

References:
    [1] He, Zhang, Ren, Sun, "Deep Residual Learning for Image Recognition", arXiv:1512.03385.
    [2] Balduzzi et al., "The Shattered Gradients Problem", arXiv:1702.08591.
    [3] Veit, Wilber, Belongie, "Residual Networks Behave Like Ensembles …", arXiv:1605.06431.
"""

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def gradient_norms(
    model: nn.Module, loss_func: Callable[..., Tensor], images: Tensor, labels: Tensor
) -> dict[str, float]:
    """The length of the loss's gradient in each convolution's weights, in training mode.

    Args:
        loss_func: from logits and labels to one number.
        images: (N, 3, H, W). labels: int64 (N,).

    Returns:
        A dictionary from the name of each convolution to ‖∂loss/∂weight‖, in the network's order.
    """
    probe = copy.deepcopy(model).train()
    convolutions = {n: m.weight for n, m in probe.named_modules() if isinstance(m, nn.Conv2d)}
    loss = loss_func(probe(images), labels)
    gradients = torch.autograd.grad(loss, list(convolutions.values()))
    return {n: g.norm().item() for n, g in zip(convolutions, gradients, strict=True)}


@torch.no_grad()
def layer_variances(model: nn.Module, images: Tensor) -> dict[str, float]:
    """The variance of each layer's response, in training mode ([1], section 4.2).

    A layer is a convolution with the batch norm that follows it, where one does: its response is
    taken before the ReLU and before anything is added. Images: (N, 3, H, W).

    Returns:
        A dictionary from the name of each convolution to the variance over images, channels and
        places, in the network's order.
    """
    probe = copy.deepcopy(model).train()
    variances = {}
    convolution = None
    for name, module in probe.named_modules():
        if isinstance(module, nn.Conv2d):
            convolution = name
        elif not isinstance(module, nn.BatchNorm2d):
            continue
        module.register_forward_hook(_keep_variance(variances, convolution))
    probe(images)
    return variances


def _keep_variance(variances, name):
    # A batch norm's hook runs after its convolution's, and replaces what that one kept.
    def hook(module, inputs, output):
        variances[name] = output.var(correction=0).item()

    return hook


def without_batch_norm(model: nn.Module) -> nn.Module:
    """A copy of a network in which every batch norm is an ``nn.Identity``.

    Example:
        >>> without_batch_norm(nn.Sequential(nn.Linear(3, 4), nn.BatchNorm2d(4)))
        Sequential(
          (0): Linear(in_features=3, out_features=4, bias=True)
          (1): Identity()
        )
    """
    bare = copy.deepcopy(model)
    for parent in list(bare.modules()):
        for name, child in parent.named_children():
            if isinstance(child, nn.BatchNorm2d):
                setattr(parent, name, nn.Identity())
    return bare


def block_jacobian(block: nn.Module, x: Tensor) -> Tensor:
    """All partial derivatives of a block's outputs in its inputs, at one input.

    Args:
        block: a module; its mode is kept. In training mode the derivative goes through the
            batch norms' means and variances too.
        x: the input, (C, H, W).

    Returns:
        A float matrix (outputs, inputs): each row is the gradient of one output.

    Raises:
        ValueError: ``x`` is not one input (C, H, W).

    Example:
        >>> block_jacobian(nn.Flatten(), torch.ones(1, 1, 2))
        tensor([[1., 0.],
                [0., 1.]])
    """
    if x.ndim != 3:
        raise ValueError(f"x of shape {tuple(x.shape)}: expected one input (C, H, W), no batch")
    probe = copy.deepcopy(block)
    jacobian = torch.autograd.functional.jacobian(lambda x: probe(x[None])[0], x)
    return jacobian.reshape(-1, x.numel())


def gradient_correlation(
    model: nn.Module, images: Tensor, step: float, generator: torch.Generator | None = None
) -> float:
    """How alike the gradients of nearby inputs are: 1 if the same, 0 if unrelated ([2]).

    Each image is moved by a random vector of length ``step`` times its own. The gradient is
    that of the first logit in the pixels; the network is in training mode, and all images and
    their neighbours are one batch.

    Args:
        images: (N, 3, H, W).
        step: the distance of the neighbours, as a share of each image's length.
        generator: of the random directions.

    Returns:
        The mean, over the images, of the cosine between the two gradients.
    """
    probe = copy.deepcopy(model).train()
    direction = torch.randn(images.shape, generator=generator)
    lengths = [t.flatten(1).norm(dim=1)[:, None, None, None] for t in (images, direction)]
    pairs = torch.cat([images, images + step * lengths[0] / lengths[1] * direction])
    pairs.requires_grad_()
    (gradients,) = torch.autograd.grad(probe(pairs)[:, 0].sum(), pairs)
    here, there = gradients.flatten(1).chunk(2)
    return F.cosine_similarity(here, there).mean().item()


def without_block(model: nn.Module, stage: str, i: int) -> nn.Module:
    """A copy of a network in which block ``i`` of a stage passes on what it gets [3, section 4.1].

    Args:
        stage: such as "conv2_x".
        i: any but 0: a stage's first block may change the shape, and then nothing fits.
    """
    lesioned = copy.deepcopy(model)
    getattr(lesioned, stage)[i] = nn.Identity()
    return lesioned
