"""From a split in memory to batches: shuffled, augmented, normalised."""

import math

import torch

from resnet_helpers.transforms import channel_statistics, normalize


class BatchLoader:
    """Cut a split that lies in memory into batches, shuffled anew for each epoch if asked.

    Args:
        split: a ``datasets.Split``; also anything else with ``images``, ``labels`` and a length.
        batch_size: images in a batch; the last one may have fewer.
        transform: function from a batch of images to what the network takes.
        augment: function (images, generator) to images of the same type, before ``transform``.
        shuffle: a new order every epoch.
        seed: fixes the orders and the augmentation.
        share: (k, n): of each batch only every n-th image, from the k-th on: the share of process
            k of n. All shares together are the batch that one process alone would get.

    Yields:
        (transformed images, labels), labels int64 (batch,).

    Raises:
        ValueError: a batch size below 1, no images, or a last batch too small to be shared.
    """

    def __init__(
        self, split, batch_size, transform, augment=None, shuffle=False, seed=0, share=(0, 1)
    ):
        if not isinstance(batch_size, int) or batch_size < 1:
            raise ValueError(f"batch_size={batch_size!r}: expected a whole number of at least 1")
        if len(split) == 0:
            raise ValueError("the split holds no images: there is nothing to make batches of")
        last = len(split) % batch_size or batch_size
        if last < share[1]:
            raise ValueError(
                f"batch_size={batch_size}: of {len(split)} images the last batch has {last}, too "
                f"few for {share[1]} processes: choose another batch size"
            )
        self.dataset = split
        # Channels last, the order in which networks and transforms are fastest.
        self.rows = split.images.permute(0, 2, 3, 1).flatten(1)
        self.batch_size = batch_size
        self.transform = transform
        self.augment = augment
        self.shuffle = shuffle
        self.share = share
        self.generator = torch.Generator().manual_seed(seed)

    def __len__(self):
        return math.ceil(len(self.dataset) / self.batch_size)

    def __iter__(self):
        n = len(self.dataset)
        share = slice(self.share[0], None, self.share[1])
        order = torch.randperm(n, generator=self.generator) if self.shuffle else torch.arange(n)
        for chosen in order.to(self.dataset.images.device).split(self.batch_size):
            images = self._images(chosen)
            if self.augment is not None:
                # The whole batch, so that no image's fate depends on the number of processes.
                images = self.augment(images, self.generator)
            yield self.transform(images[share]), self.dataset.labels[chosen][share]

    def _images(self, chosen):
        # One row of bytes an image: to index four dimensions takes twenty times as long.
        height, width = self.dataset.images.shape[2:]
        rows = self.rows.index_select(0, chosen)
        return rows.view(-1, height, width, 3).permute(0, 3, 1, 2)


def normalizer(split):
    """A function that normalises images by a split's mean and std, and lays them channels last.

    Channels last is the faster order in memory on a processor, by about a fifth. A network that
    is to profit must be in it as well: ``model.to(memory_format=torch.channels_last)``.
    """
    statistics = channel_statistics(split.images)

    def transform(images):
        normalised = normalize(images, statistics.mean, statistics.std)
        return normalised.contiguous(memory_format=torch.channels_last)

    return transform
