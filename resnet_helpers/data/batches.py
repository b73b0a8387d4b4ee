"""From a split in memory to batches: shuffled, augmented, normalised."""

import math

import torch

from resnet_helpers._check import check_sizes
from resnet_helpers.transforms import channel_statistics, normalize


class BatchLoader:
    """Cut a split that lies in memory into batches, shuffled anew for each epoch if asked.

    Batches lie on the split's device, channels last in memory: the order in which networks and
    transforms are fastest.

    Args:
        split: a ``Split``; also anything else with ``images``, ``labels`` and a length.
        batch_size: images in a batch; the last one may have fewer.
        transform: function from a batch of uint8 images to what the network takes.
        augment: function (images, generator) to images of the same type, before ``transform``.
        shuffle: a new order every epoch.
        seed: fixes the orders and the augmentation.
        rank, world_size: for one process of several: of each batch only every
            ``world_size``-th image, from number ``rank`` on. All parts together are the batch;
            who gets nothing of the last one has a batch less.

    Yields:
        (transformed images, labels), labels int64 (batch,).

    Raises:
        ValueError: a batch size below 1, or fewer images than processes.
    """

    def __init__(
        self,
        split,
        batch_size,
        transform,
        augment=None,
        shuffle=False,
        seed=0,
        rank=0,
        world_size=1,
    ):
        check_sizes(batch_size=batch_size)
        if len(split) == 0:
            raise ValueError("the split holds no images: there is nothing to make batches of")
        if len(split) < world_size:
            raise ValueError(
                f"a split of {len(split)} images is too small for {world_size} processes: start "
                "fewer, or use more images"
            )
        self.dataset = split
        # One row of bytes an image, a view: to index four dimensions takes twenty times as long.
        self.rows = split.images.flatten(1)
        self.batch_size = batch_size
        self.transform = transform
        self.augment = augment
        self.shuffle = shuffle
        self.part = slice(rank, None, world_size)
        self.generator = torch.Generator().manual_seed(seed)

    def __len__(self):
        return math.ceil(len(self.dataset) / self.batch_size)

    def __iter__(self):
        n = len(self.dataset)
        order = torch.randperm(n, generator=self.generator) if self.shuffle else torch.arange(n)
        for chosen in order.to(self.rows.device).split(self.batch_size):
            if len(chosen[self.part]) == 0:
                continue
            images = self.rows.index_select(0, chosen).unflatten(1, self.dataset.images.shape[1:])
            images = images.contiguous(memory_format=torch.channels_last)
            if self.augment is not None:
                # The whole batch, so that no image's fate depends on the number of processes.
                images = self.augment(images, self.generator)
            yield self.transform(images[self.part]), self.dataset.labels[chosen][self.part]


def normalizer(split):
    """A function that normalises images by a split's mean and std, and lays them channels last.

    A network that is to be faster by it must be in that order, too:
    ``model.to(memory_format=torch.channels_last)``.
    """
    statistics = channel_statistics(split.images)

    def transform(images):
        normalised = normalize(images, statistics.mean, statistics.std)
        return normalised.contiguous(memory_format=torch.channels_last)

    return transform
