"""Images of noise, for tests that need any images at all."""

import torch

from resnet_helpers.data import Split


def noise_images(n, size=8, seed=0):
    """uint8 (n, 3, size, size), every byte at random."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (n, 3, size, size), generator=generator).to(torch.uint8)


def noise_split(n, seed=0, size=8):
    """Noise with the labels 0 to 9 in turn."""
    return Split(noise_images(n, size, seed), torch.arange(n) % 10)
