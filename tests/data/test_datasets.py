"""load(): one interface, safe caching, and clear errors."""

import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image

import resnet_helpers.data
from resnet_helpers.data import Dataset, Split, cut, load, sample_set


@pytest.fixture
def few_images(monkeypatch):
    """A sample set of 150 images, so that a test can draw it many times."""
    monkeypatch.setattr(sample_set, "SPLITS", {"train": 100, "test": 40, "unseen": 12})


def same(a, b):
    return all(
        torch.equal(getattr(a, part).images, getattr(b, part).images)
        and torch.equal(getattr(a, part).labels, getattr(b, part).labels)
        for part in ("train", "validation", "test", "unseen")
    )


def test_the_sample_set_has_the_promised_sizes():
    data = load("sample")
    sizes = [len(s) for s in (data.train, data.validation, data.test, data.unseen)]
    assert sizes == [5000, 1250, 2000, 400]
    for split in (data.train, data.validation, data.test, data.unseen):
        assert split.images.shape[1:] == (3, 96, 96) and split.images.dtype == torch.uint8
        assert split.labels.dtype == torch.int64
    for split in (data.train, data.validation, data.test):
        assert len(split.labels.bincount().unique()) == 1
    assert data.classes == sample_set.CLASSES


def test_the_sample_set_is_the_same_from_cache_and_after_the_cache_is_deleted(
    empty_cache, few_images
):
    drawn = load("sample")
    (file,) = empty_cache.iterdir()
    cached = load("sample")
    file.unlink()
    again = load("sample")
    assert same(drawn, cached) and same(drawn, again)


def test_the_second_load_does_not_draw(empty_cache, few_images, monkeypatch):
    load("sample")
    monkeypatch.setattr(sample_set, "draw_split", None)
    load("sample")


@pytest.mark.parametrize("damage", ["cut", "scrambled", "empty", "not safetensors"])
def test_a_damaged_cache_file_is_noticed_and_drawn_again(empty_cache, few_images, damage):
    drawn = load("sample")
    (file,) = empty_cache.iterdir()
    whole = file.read_bytes()
    middle = len(whole) // 2
    file.write_bytes(
        {
            "cut": whole[:middle],
            "scrambled": whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :],
            "empty": b"",
            "not safetensors": b"x" * 1000,
        }[damage]
    )
    with pytest.warns(UserWarning, match="is damaged: the sample set is drawn again"):
        again = load("sample")
    assert same(drawn, again)
    assert file.read_bytes() == whole


def test_where_the_cache_cannot_be_written_the_set_is_drawn_with_one_warning(
    tmp_path, monkeypatch, few_images
):
    (tmp_path / "file").write_text("a file where a folder should be")
    monkeypatch.setenv("RESNET_HELPERS_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.warns(UserWarning) as warned:
        data = load("sample")
    assert len(data.train) == 80
    assert len(warned) == 1
    assert "set RESNET_HELPERS_CACHE to a folder that can be written" in str(warned[0].message)


def test_a_full_disk_is_one_warning_and_leaves_no_half_file(empty_cache, few_images, monkeypatch):
    def fill_disk(tensors, path):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(resnet_helpers.data.safetensors.torch, "save_file", fill_disk)
    with pytest.warns(UserWarning, match="No space left"):
        load("sample")
    assert list(empty_cache.iterdir()) == []


def test_two_processes_at_once_end_with_one_good_file(tmp_path):
    script = "from resnet_helpers.data import load; print(load('sample').train.images.sum())"
    environment = {**os.environ, "RESNET_HELPERS_CACHE": str(tmp_path / "cache")}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", script], env=environment, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    sums = [process.communicate()[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert sums[0] == sums[1]
    assert len(list((tmp_path / "cache").iterdir())) == 1


def test_cut_takes_the_share_of_each_class_and_loses_nothing():
    labels = torch.tensor([0] * 10 + [1] * 20 + [2] * 5)
    images = torch.arange(35, dtype=torch.uint8)[:, None, None, None].expand(-1, 3, 1, 1)
    rest, off = cut(Split(images, labels), 0.2, seed=1)
    assert off.labels.bincount().tolist() == [2, 4, 1]
    kept = torch.cat([rest.images, off.images])[:, 0, 0, 0].sort().values
    assert kept.tolist() == list(range(35))
    assert torch.equal(labels[off.images[:, 0, 0, 0].long()], off.labels)


def test_test_images_never_come_from_train(few_images, empty_cache):
    data = load("sample")
    pictures = [
        {image.numpy().tobytes() for image in split.images}
        for split in (data.train, data.validation, data.test)
    ]
    assert len(set.union(*pictures)) == sum(map(len, pictures))


# folder:PATH


def make_folder(path, classes, count=5, size=(8, 8)):
    for label, name in enumerate(classes):
        (path / name).mkdir(parents=True)
        for i in range(count):
            Image.new("RGB", size, (10 * label, i, 0)).save(path / name / f"{i}.png")
    return path


def test_a_folder_with_train_and_test_is_read_as_it_stands(tmp_path):
    make_folder(tmp_path / "train", ["ant", "bee"], 10)
    make_folder(tmp_path / "test", ["ant", "bee"], 3)
    data = load(f"folder:{tmp_path}")
    assert data.classes == ("ant", "bee")
    assert [len(s) for s in (data.train, data.validation, data.test)] == [16, 4, 6]
    assert data.unseen is None
    for split in (data.train, data.validation, data.test):
        assert torch.equal(split.images[:, 0, 0, 0], (10 * split.labels).to(torch.uint8))


def test_from_a_folder_of_classes_alone_a_fifth_becomes_test(tmp_path):
    make_folder(tmp_path, ["ant", "bee"], 10)
    data = load(f"folder:{tmp_path}")
    assert [len(s) for s in (data.train, data.validation, data.test)] == [12, 4, 4]


def test_image_size_crops_to_a_square_and_resizes(tmp_path):
    make_folder(tmp_path, ["ant"], 5, size=(20, 10))
    assert load(f"folder:{tmp_path}", image_size=6).train.images.shape[2:] == (6, 6)


def test_grey_and_transparent_images_become_rgb(tmp_path):
    make_folder(tmp_path, ["ant"], 8)
    Image.new("L", (8, 8), 200).save(tmp_path / "ant" / "grey.png")
    Image.new("RGBA", (8, 8), (1, 2, 3, 0)).save(tmp_path / "ant" / "glass.png")
    assert load(f"folder:{tmp_path}").train.images.shape[1] == 3


def test_an_unknown_data_set_is_named_with_the_choice():
    with pytest.raises(ValueError, match="unknown data set 'imagenet': choose 'sample', 'stl10'"):
        load("imagenet")


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere is not a folder: expected .*CLASS"):
        load(f"folder:{tmp_path}/nowhere")


def test_a_folder_without_images_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="holds no images where they are looked for"):
        load(f"folder:{tmp_path}")
    (tmp_path / "ant").mkdir()
    with pytest.raises(FileNotFoundError, match="at least one image in every class folder"):
        load(f"folder:{tmp_path}")


def test_an_unreadable_image_is_named(tmp_path):
    make_folder(tmp_path, ["ant"])
    (tmp_path / "ant" / "broken.jpg").write_bytes(b"no image")
    with pytest.raises(ValueError, match=r"broken.jpg can't be read as an image: mend or remove"):
        load(f"folder:{tmp_path}")


def test_a_cut_image_is_named(tmp_path):
    make_folder(tmp_path, ["ant"])
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    path = tmp_path / "ant" / "cut.jpg"
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(ValueError, match=r"cut.jpg can't be read as an image"):
        load(f"folder:{tmp_path}", image_size=8)


def test_images_of_differing_sizes_are_named_with_the_way_out(tmp_path):
    make_folder(tmp_path, ["ant"])
    Image.new("RGB", (9, 8)).save(tmp_path / "ant" / "z.png")
    with pytest.raises(ValueError, match=r"z.png is 9×8 .* first image is 8×8: .*image_size=96"):
        load(f"folder:{tmp_path}")


def test_train_and_test_with_differing_classes_are_named(tmp_path):
    make_folder(tmp_path / "train", ["ant", "bee"])
    make_folder(tmp_path / "test", ["ant", "cow"])
    with pytest.raises(ValueError, match=r"same classes; differing: \['bee', 'cow'\]"):
        load(f"folder:{tmp_path}")


def test_train_without_test_is_named(tmp_path):
    make_folder(tmp_path / "train", ["ant"])
    with pytest.raises(FileNotFoundError, match="'train' but none named 'test'"):
        load(f"folder:{tmp_path}")


# what load returns


def tiny_split(labels=(0, 1), dtype=torch.int64):
    return Split(torch.zeros(2, 3, 4, 4, dtype=torch.uint8), torch.tensor(labels, dtype=dtype))


@pytest.mark.parametrize(("labels", "range_"), [((0, 2), "0 to 2"), ((-1, 1), "-1 to 1")])
def test_labels_out_of_range_are_named(labels, range_):
    good = tiny_split()
    with pytest.raises(ValueError, match=f"mine, test: labels run from {range_}, but there are 2"):
        Dataset("mine", ("a", "b"), good, good, tiny_split(labels))


def test_labels_of_the_wrong_type_or_number_are_named():
    with pytest.raises(ValueError, match=r"labels of type torch.int32 .* expected int64 \(2,\)"):
        tiny_split(dtype=torch.int32)
    with pytest.raises(ValueError, match=r"shape \(3,\): expected int64 \(2,\), one for each"):
        tiny_split((0, 1, 0))


def test_images_of_the_wrong_type_are_named():
    with pytest.raises(TypeError, match=r"torch.float32: expected uint8"):
        Split(torch.zeros(2, 3, 4, 4), torch.zeros(2, dtype=torch.int64))


@pytest.mark.parametrize("share", [0, 1, -0.1, 5])
def test_a_validation_share_outside_0_to_1_is_named(share):
    with pytest.raises(ValueError, match=f"validation={share}: expected a share between 0 and 1"):
        load("sample", validation=share)


# cifar10 by torchvision, with its download replaced by small files of the same layout
# (stl10: test_stl10.py)


def test_cifar10_is_read_by_torchvisions_class(tmp_path, monkeypatch):
    class SmallCIFAR10:
        classes = ("airplane", "automobile")

        def __init__(self, root, train, download):
            assert download
            n = 20 if train else 10
            self.data = np.zeros((n, 32, 32, 3), np.uint8)
            self.data[..., 2] = 9
            self.targets = [i % 2 for i in range(n)]

    monkeypatch.setattr(resnet_helpers.data.torchvision.datasets, "CIFAR10", SmallCIFAR10)
    data = load("cifar10", root=tmp_path)
    assert all(s.images.is_contiguous() for s in (data.train, data.validation, data.test))
    assert data.train.images.shape == (16, 3, 32, 32)
    assert (data.train.images[:, 2] == 9).all()
