"""What goes on inside a network: measured on a copy, so that the network stays as it was."""

import copy

import torch
from torch import nn


def gradient_norms(model, loss_func, images, labels):
    """The length of the loss's gradient in each convolution's weights, in training mode.

    Args:
        model: any network. It is copied first, so neither its gradients nor its batch norms'
            running statistics change.
        loss_func: from logits and labels to one number.
        images: what the network takes, (N, 3, H, W) normalised. labels: int64 (N,).

    Returns:
        A dictionary from the name of each convolution to ‖∂loss/∂weight‖, in the network's order.
    """
    probe = copy.deepcopy(model).train()
    convolutions = {n: m.weight for n, m in probe.named_modules() if isinstance(m, nn.Conv2d)}
    loss = loss_func(probe(images), labels)
    gradients = torch.autograd.grad(loss, list(convolutions.values()))
    return {n: g.norm().item() for n, g in zip(convolutions, gradients, strict=True)}
