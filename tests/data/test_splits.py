"""Splits: one label for each image, and a cut that loses nothing."""

import pytest
import torch

from resnet_helpers.data import Split, cut, join


def tiny_split(labels=(0, 1), dtype=torch.int64):
    return Split(torch.zeros(2, 3, 4, 4, dtype=torch.uint8), torch.tensor(labels, dtype=dtype))


def numbered(labels):
    """A split whose images say by their pixels which one they are."""
    images = torch.arange(len(labels), dtype=torch.uint8)[:, None, None, None].expand(-1, 3, 1, 1)
    return Split(images, torch.tensor(labels))


def test_cut_takes_the_share_of_each_class_and_loses_nothing():
    whole = numbered([0] * 10 + [1] * 20 + [2] * 5)
    rest, off = cut(whole, 0.2, seed=1)
    assert off.labels.bincount().tolist() == [2, 4, 1]
    kept = torch.cat([rest.images, off.images])[:, 0, 0, 0].sort().values
    assert kept.tolist() == list(range(35))
    for part in (rest, off):
        assert torch.equal(whole.labels[part.images[:, 0, 0, 0].long()], part.labels)


def test_cut_is_fixed_by_its_seed():
    def chosen(seed):
        return cut(numbered([0] * 30), 0.2, seed)[1].images.flatten().tolist()

    assert chosen(1) == chosen(1) != chosen(2)


@pytest.mark.trouble("two in one place")
@pytest.mark.parametrize(
    ("pictures", "labels", "off"),
    [
        ([0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4], [0] * 15, 3),
        ([*[0] * 9, 1], [0] * 10, 1),  # nine of two would be too many
        ([0, 0, 0, 1, 1, 1], [0] * 6, 3),  # one of six can't be cut off alone
        ([0] * 10, [0] * 10, 0),
        ([*range(10), *range(10)], [0] * 10 + [1] * 10, 4),  # each picture in two classes
        ([0, 0, 1, 2, 3, 4, 5, 6, 7, 8], [0] + [1] * 9, 2),
    ],
)
@pytest.mark.parametrize("seed", range(5))
def test_cut_keeps_equal_pictures_together(pictures, labels, off, seed):
    images = torch.tensor(pictures, dtype=torch.uint8)[:, None, None, None].expand(-1, 3, 2, 2)
    rest, cut_off = cut(Split(images, torch.tensor(labels)), 0.2, seed)
    assert len(cut_off) == off and len(rest) + off == len(pictures)
    assert not set(rest.images.flatten().tolist()) & set(cut_off.images.flatten().tolist())


def test_cut_of_different_pictures_is_a_permutation_of_each_class():
    # As it always was: recorded runs and chapters stand on it.
    whole = numbered([0, 1] * 50)
    generator = torch.Generator().manual_seed(7)
    expected = [2 * i + k for k in (0, 1) for i in torch.randperm(50, generator=generator)[:10]]
    cut_off = cut(whole, 0.2, seed=7)[1]
    assert cut_off.images[:, 0, 0, 0].tolist() == sorted(int(i) for i in expected)


def test_join_keeps_the_order_and_each_images_label():
    joined = join(*cut(numbered([0, 1, 0, 1]), 0.5))
    assert len(joined) == 4
    assert joined.labels.tolist() == [image % 2 for image in joined.images[:, 0, 0, 0].tolist()]


def test_labels_of_the_wrong_type_or_number_are_named():
    with pytest.raises(ValueError, match=r"labels of type torch.int32 .* expected int64 \(2,\)"):
        tiny_split(dtype=torch.int32)
    with pytest.raises(ValueError, match=r"shape \(3,\): expected int64 \(2,\), one for each"):
        tiny_split((0, 1, 0))


def test_images_of_the_wrong_type_are_named():
    with pytest.raises(TypeError, match=r"torch.float32: expected uint8"):
        Split(torch.zeros(2, 3, 4, 4), torch.zeros(2, dtype=torch.int64))
