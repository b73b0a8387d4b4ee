"""What a batch is made of: which images, in which memory, and whose part of it."""

import pytest
import torch
from samples import noise_split
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from resnet_helpers import transforms
from resnet_helpers.data import BatchLoader, Split, normalizer


def same(x):
    return x


def test_an_epochs_images_are_the_splits_in_the_order_that_the_seed_draws():
    split = noise_split(23)
    loader = BatchLoader(split, 10, same, shuffle=True, seed=3)
    draws = torch.Generator().manual_seed(3)
    for _ in range(2):
        order = torch.randperm(23, generator=draws)
        for batch, chosen in zip(loader, order.split(10), strict=True):
            assert torch.equal(batch[0], split.images[chosen])
            assert torch.equal(batch[1], split.labels[chosen])


def test_the_augmentation_draws_from_the_loaders_own_generator_after_the_order():
    split = noise_split(20)
    loader = BatchLoader(split, 10, same, transforms.random_flip, shuffle=True, seed=3)
    draws = torch.Generator().manual_seed(3)
    order = torch.randperm(20, generator=draws)
    for (images, _), chosen in zip(loader, order.split(10), strict=True):
        assert torch.equal(images, transforms.random_flip(split.images[chosen], draws))


def test_without_shuffle_the_order_stays_and_augmentation_comes_before_the_transform():
    split, kinds = noise_split(50), []

    def augment(images, generator):
        kinds.append((images.dtype, type(generator)))
        return images

    loader = BatchLoader(split, 20, lambda images: images.float(), augment=augment)
    assert torch.equal(torch.cat([images for images, _ in loader]), split.images.float())
    assert kinds == [(torch.uint8, torch.Generator)] * 3


def test_batches_lie_channels_last_and_the_splits_images_are_not_copied():
    split = noise_split(20)
    loader = BatchLoader(split, 10, same)
    assert loader.rows.data_ptr() == split.images.data_ptr()
    for images, _ in loader:
        assert images.is_contiguous(memory_format=torch.channels_last)


def test_a_split_that_lies_channels_last_gives_the_same_batches():
    split = noise_split(20)
    turned = Split(split.images.contiguous(memory_format=torch.channels_last), split.labels)
    for one, other in zip(BatchLoader(split, 8, same), BatchLoader(turned, 8, same), strict=True):
        assert torch.equal(one[0], other[0])


class OneDevice(TorchDispatchMode):
    """As a GPU does, refuse what would mix tensors of two devices."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        tensors = [leaf for leaf in tree_leaves(args) if isinstance(leaf, torch.Tensor)]
        assert len({tensor.device for tensor in tensors}) <= 1, function
        return function(*args, **kwargs or {})


def test_of_a_split_on_another_device_the_batches_lie_there():
    split = noise_split(20)
    there = Split(split.images.to("meta"), split.labels.to("meta"))
    loader = BatchLoader(there, 8, same, shuffle=True, rank=1, world_size=2)
    with OneDevice():
        for images, labels in loader:
            assert images.device.type == labels.device.type == "meta"
            assert len(images) == len(labels)


def test_the_parts_of_a_batch_are_the_batch():
    split = Split(noise_split(23).images, torch.arange(23))

    def batches(rank, world_size):
        flip = transforms.random_flip
        return [
            (images, labels.tolist())
            for images, labels in BatchLoader(split, 10, same, flip, True, 3, rank, world_size)
        ]

    parts = (batches(rank, 3) for rank in range(3))
    for whole, *parts_of_it in zip(batches(0, 1), *parts, strict=True):
        for rank, (images, labels) in enumerate(parts_of_it):
            assert labels == whole[1][rank::3]
            assert torch.equal(images, whole[0][rank::3])


@pytest.mark.parametrize("size", [0, -1, 2.5])
def test_a_bad_batch_size_is_named(size):
    with pytest.raises(ValueError, match=f"batch_size={size}: expected a whole number"):
        BatchLoader(noise_split(20), size, same)


@pytest.mark.trouble("asked for at the end")
def test_an_empty_split_is_named():
    with pytest.raises(ValueError, match="holds no images"):
        BatchLoader(noise_split(0), 10, same)


@pytest.mark.trouble("asked for at the end")
@pytest.mark.parametrize("n", [20, 21, 22, 23])
def test_images_left_over_go_to_some_process(n):
    split = noise_split(n)
    parts = [list(BatchLoader(split, 10, same, rank=r, world_size=3)) for r in range(3)]
    images = torch.cat([images for part in parts for images, _ in part])
    assert sorted(map(bytes, images.numpy())) == sorted(map(bytes, split.images.numpy()))
    assert all(len(labels) > 0 for part in parts for _, labels in part)


@pytest.mark.trouble("asked for at the end")
def test_fewer_images_than_processes_are_named():
    with pytest.raises(ValueError, match="a split of 2 images is too small for 3 processes"):
        BatchLoader(noise_split(2), 10, same, world_size=3)


def test_a_normalizer_takes_the_statistics_of_its_split_alone():
    split, other = noise_split(20), noise_split(20, seed=1)
    std, mean = torch.std_mean(split.images / 255, (0, 2, 3), correction=0, keepdim=True)
    expected = (other.images / 255 - mean) / std
    assert torch.allclose(normalizer(split)(other.images), expected, atol=1e-5)
    assert normalizer(split)(other.images).is_contiguous(memory_format=torch.channels_last)
