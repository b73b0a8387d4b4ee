"""The lecture notes' code, in other words but with the same operations: what is compared with.

Each image is decoded, resized, normalised and mirrored by itself, in NCHW order.
"""

import numpy as np
from PIL import Image
from torch.utils.data import Dataset


class ImagesOneByOne(Dataset):
    """A split handed out as ``torchvision.datasets.STL10`` does: one PIL image after another.

    Args:
        split: a ``datasets.Split``.
        transform: what each image goes through; can be set later, as the notes do.
    """

    def __init__(self, split, transform):
        self.images = split.images.numpy()
        self.labels = split.labels.tolist()
        self.transform = transform

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        image = Image.fromarray(self.images[index].transpose(1, 2, 0))
        return self.transform(image), self.labels[index]


def channel_statistics(dataset):
    """Mean over the images of each image's mean, and of each image's standard deviation.

    Args:
        dataset: yields (tensor (3, H, W), label) pairs, as with ``ToTensor`` alone.
    """
    means = [np.mean(image.numpy(), axis=(1, 2)) for image, _ in dataset]
    stds = [np.std(image.numpy(), axis=(1, 2)) for image, _ in dataset]
    return (
        tuple(np.mean([image[channel] for image in means]) for channel in range(3)),
        tuple(np.mean([image[channel] for image in stds]) for channel in range(3)),
    )
