"""load(): one interface to every data set."""

import pwd
import tempfile

import numpy as np
import pytest
import torch
import torchvision

import resnet_helpers.data
from resnet_helpers import transforms
from resnet_helpers.data import cache_folder, cifar10, cut, load, sample_set

PARTS = ("train", "validation", "test", "unseen")


@pytest.fixture
def small_sets(monkeypatch):
    """Every data set in few images: the sample set drawn, the others by stand-ins of theirs."""
    monkeypatch.setattr(sample_set, "SPLITS", {"train": 50, "test": 20, "unseen": 8})

    class SmallCIFAR10:
        classes = tuple("abcdefghij")

        def __init__(self, root, train, download):
            if not download:
                raise RuntimeError("Dataset not found or corrupted.")
            n = 100 if train else 40
            self.data = np.random.default_rng(n).integers(0, 256, (n, 32, 32, 3), np.uint8)
            self.targets = [i % 10 for i in range(n)]

    monkeypatch.setattr(torchvision.datasets, "CIFAR10", SmallCIFAR10)

    def load_few(root):
        _, train, test = cifar10.load(root)
        return tuple("abcdefghij"), train, test

    monkeypatch.setattr(resnet_helpers.data.stl10, "load", load_few)


@pytest.mark.usefixtures("small_sets")
@pytest.mark.parametrize("size", [20, 96, 120])
@pytest.mark.parametrize("name", ["sample", "stl10", "cifar10"])
def test_image_size_is_transforms_resize_of_what_comes_without_it(name, size, tmp_path):
    plain, resized = load(name, root=tmp_path), load(name, image_size=size, root=tmp_path)
    for part in PARTS:
        before, after = getattr(plain, part), getattr(resized, part)
        if before is None:
            assert after is None and part == "unseen" and name != "sample"
            continue
        assert torch.equal(after.images, transforms.resize(before.images, size))
        assert torch.equal(after.labels, before.labels)


@pytest.mark.usefixtures("small_sets")
def test_validation_is_cut_from_train_by_the_seed(tmp_path):
    data = load("cifar10", validation=0.3, seed=5, root=tmp_path)
    _, train, test = cifar10.load(tmp_path)
    for got, expected in zip((data.train, data.validation), cut(train, 0.3, 5), strict=True):
        assert torch.equal(got.images, expected.images)
        assert torch.equal(got.labels, expected.labels)
    assert torch.equal(data.test.images, test.images)


@pytest.mark.usefixtures("small_sets")
def test_cifar10s_rows_of_colours_become_channels(empty_cache):
    stored = torchvision.datasets.CIFAR10(None, train=False, download=True)
    test = load("cifar10").test
    assert test.images.shape == (40, 3, 32, 32) and test.images.is_contiguous()
    for n, c, y, x in ((0, 0, 0, 1), (3, 2, 20, 7), (9, 1, 31, 30)):
        assert test.images[n, c, y, x] == stored.data[n, y, x, c]


@pytest.mark.trouble("two in one place")
@pytest.mark.usefixtures("small_sets")
def test_no_image_stands_in_two_splits(empty_cache):
    data = load("sample")
    pictures = [
        {image.numpy().tobytes() for image in split.images}
        for split in (data.train, data.validation, data.test)
    ]
    assert len(set.union(*pictures)) == sum(map(len, pictures)) == 70


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"name": "imagenet"}, "unknown data set 'imagenet': choose 'sample', 'stl10'"),
        ({"name": None}, "unknown data set None: choose"),
        *(({"validation": share}, f"validation={share}: expected a share between 0 and 1")
          for share in (0, 1, -0.1, 5)),
        *(({"image_size": size}, f"image_size={size!r}: expected a whole number")
          for size in (0, -3, 32.0, "32")),
        *(({"seed": seed}, f"seed={seed}: expected a whole number of at least 0")
          for seed in (-1, 0.5)),
    ],
)  # fmt: skip
def test_a_bad_value_is_named_before_any_work(options, error, tmp_path, monkeypatch):
    monkeypatch.setattr(sample_set, "draw_split", None)
    with pytest.raises(ValueError, match=error):
        load(**{"name": "sample", "root": tmp_path} | options)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.trouble("paths and letters")
def test_the_cache_folder_may_begin_with_the_home_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("RESNET_HELPERS_CACHE", "~/cache")
    assert cache_folder() == tmp_path / "cache"
    monkeypatch.setattr(cifar10, "load", stopping)
    with pytest.raises(InterruptedError, match=str(tmp_path / "mine")):
        load("cifar10", root="~/mine")


def stopping(root):
    raise InterruptedError(str(root))


@pytest.mark.trouble("paths and letters")
@pytest.mark.parametrize("moved", [None, "~/cache"])
def test_without_a_home_the_cache_is_a_temporary_folder(moved, monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    for name in ("HOME", "XDG_CACHE_HOME", "RESNET_HELPERS_CACHE"):
        monkeypatch.delenv(name, raising=False)
    if moved:
        monkeypatch.setenv("RESNET_HELPERS_CACHE", moved)

    def unknown(uid):
        raise KeyError(f"getpwuid(): uid not found: {uid}")

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    with pytest.warns(UserWarning, match="no home folder is known.* set RESNET_HELPERS_CACHE to"):
        assert cache_folder() == tmp_path / "resnet_helpers"
