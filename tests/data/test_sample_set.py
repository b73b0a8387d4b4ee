"""The sample set: fixed by its seed, balanced, quick, no toy; and its cache, safe."""

import hashlib
import io
import resource
import time
import warnings
from unittest import mock

import numpy as np
import pytest
import torch
from PIL import Image

from resnet_helpers.data import load, sample_set
from resnet_helpers.data.sample_set import CLASSES, GLYPHS, SPLITS, UNSEEN_GLYPHS, draw_split

FEW = {"train": 50, "test": 20, "unseen": 8}


@pytest.fixture
def few_images(monkeypatch):
    """A sample set of 78 images, so that a test can draw it many times."""
    monkeypatch.setattr(sample_set, "SPLITS", FEW)


def same(a, b):
    return all(
        torch.equal(getattr(a, part).images, getattr(b, part).images)
        and torch.equal(getattr(a, part).labels, getattr(b, part).labels)
        for part in ("train", "validation", "test", "unseen")
    )


# drawing


def digest_of_few():
    digest = hashlib.sha256()
    for split in FEW:
        for array in draw_split(split, seed=3, count=20):
            digest.update(array.tobytes())
    return digest.hexdigest()


@pytest.mark.process
def test_two_processes_draw_the_same_pixels(forks):
    with forks.Pool(1) as pool:
        assert pool.apply(digest_of_few) == digest_of_few()


@pytest.mark.timing
def test_an_image_is_drawn_in_the_time_of_thirty_decoded_ones():
    file = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (96, 96, 3), np.uint8)
    Image.fromarray(noise).save(file, "PNG")

    def seconds(function):
        start = time.process_time()
        function()
        return time.process_time() - start

    def decode():
        for _ in range(3000):
            Image.open(file).load()

    draw_split("train", count=1)  # renders the glyphs

    def is_faster():
        drawing, decoding = seconds(lambda: draw_split("train", count=100)), seconds(decode)
        print(f"thirty decoded images' times: {drawing / decoding:.2f}")
        return drawing < decoding

    assert any(is_faster() for _ in range(5))


@pytest.mark.parametrize("split", ["train", "test"])
def test_every_class_has_the_same_number_of_images(split):
    images, labels = draw_split(split, count=100)
    assert images.shape == (100, 3, 96, 96) and images.dtype == np.uint8
    assert np.bincount(labels).tolist() == [10] * 10
    assert SPLITS[split] % 10 == 0


def test_the_classes_are_stl10s():
    assert CLASSES == (
        "airplane", "bird", "car", "cat", "deer", "dog", "horse", "monkey", "ship", "truck",
    )  # fmt: skip
    assert tuple(GLYPHS) == CLASSES


def test_unseen_designs_are_in_no_other_split():
    seen = set("".join(GLYPHS.values()))
    unseen = set("".join(UNSEEN_GLYPHS.values()))
    assert unseen and not seen & unseen
    labels = draw_split("unseen", count=40)[1]
    assert {CLASSES[label] for label in labels} == set(UNSEEN_GLYPHS)


def test_every_glyph_is_drawn_in_colour_and_fills_its_square():
    shapes = set()
    for character in "".join([*GLYPHS.values(), *UNSEEN_GLYPHS.values()]):
        picture = np.asarray(sample_set.render_glyph(character))
        assert picture.shape == (128, 128, 4)
        opaque = picture[..., 3] > 128
        assert opaque.any(1).sum() > 120 or opaque.any(0).sum() > 120, character
        assert len(np.unique(picture[opaque][:, :3], axis=0)) > 10, character
        shapes.add(picture.tobytes())
    # A glyph that the font lacks would be drawn as the same empty box as any other.
    assert len(shapes) == len("".join([*GLYPHS.values(), *UNSEEN_GLYPHS.values()]))


def test_splits_and_seeds_share_no_image():
    pictures = {
        images.tobytes()
        for split in ("train", "test")
        for seed in (0, 1)
        for images in draw_split(split, seed, count=10)[0]
    }
    assert len(pictures) == 40


def test_no_image_of_one_split_is_one_of_another_with_other_noise():
    train, test = (draw_split(split, count=30)[0].astype(int) for split in ("train", "test"))
    assert abs(train - test).mean((1, 2, 3)).min() > 25


def test_the_first_images_do_not_depend_on_how_many_are_drawn():
    assert np.array_equal(draw_split("test", count=30)[0][:10], draw_split("test", count=10)[0])


def test_an_unknown_split_is_named():
    with pytest.raises(
        ValueError, match="unknown split 'valid': choose one of train, test, unseen"
    ):
        draw_split("valid")


# the cache


def test_load_gives_the_promised_numbers_of_each_class(tmp_path, monkeypatch):
    def draw_dots(split, seed):
        each = np.arange(SPLITS[split])
        images = np.stack([each % 256, each // 256, each * 0], 1).astype(np.uint8)  # no two alike
        return images[..., None, None], each % (10 if len(each) > 400 else 4)

    monkeypatch.setattr(sample_set, "draw_split", draw_dots)
    data = load("sample", root=tmp_path)
    counts = [s.labels.bincount().tolist() for s in (data.train, data.validation, data.test)]
    assert counts == [[500] * 10, [125] * 10, [200] * 10]
    assert len(data.unseen) == 400
    assert data.classes == CLASSES


@pytest.mark.usefixtures("few_images")
def test_the_set_is_the_same_from_the_cache_and_after_that_is_deleted(empty_cache, monkeypatch):
    drawn = load("sample")
    (file,) = empty_cache.iterdir()
    with monkeypatch.context() as patch:
        patch.setattr(sample_set, "draw_split", None)
        cached = load("sample")
    file.unlink()
    assert same(drawn, cached) and same(drawn, load("sample"))


@pytest.mark.usefixtures("few_images")
@pytest.mark.parametrize("damage", ["cut", "scrambled", "empty", "another file"])
def test_a_damaged_cache_file_is_noticed_and_drawn_again(damage, tmp_path):
    drawn = load("sample", root=tmp_path)
    (file,) = tmp_path.iterdir()
    whole = file.read_bytes()
    middle = len(whole) // 2
    file.write_bytes(
        {
            "cut": whole[:middle],
            "scrambled": whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :],
            "empty": b"",
            "another file": b"x" * 1000,
        }[damage]
    )
    with pytest.warns(UserWarning, match="is damaged: the sample set is drawn again") as warned:
        again = load("sample", root=tmp_path)
    assert warned[0].filename == __file__
    assert same(drawn, again) and same(drawn, load("sample", root=tmp_path))


@pytest.mark.usefixtures("few_images")
def test_where_the_cache_cannot_be_written_the_set_is_drawn_with_one_warning(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("RESNET_HELPERS_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.warns(UserWarning, match="RESNET_HELPERS_CACHE to a folder that can") as warned:
        assert len(load("sample").train) == 40
    (warning,) = warned
    assert warning.filename == __file__


def load_on_a_full_disk(root):
    most = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, most))
    with mock.patch.object(sample_set, "SPLITS", FEW), warnings.catch_warnings(record=True) as said:
        load("sample", root=root)
    return [str(warning.message) for warning in said]


@pytest.mark.process
def test_a_full_disk_is_one_warning_and_leaves_no_half_file(forks, tmp_path):
    with forks.Pool(1) as pool:
        (said,) = pool.apply(load_on_a_full_disk, [tmp_path])
    assert "File too large" in said
    assert list(tmp_path.iterdir()) == []


def load_when_all_are_here(root, barrier):
    with mock.patch.object(sample_set, "SPLITS", FEW), warnings.catch_warnings():
        warnings.simplefilter("error")
        barrier.wait()
        load("sample", root=root)


@pytest.mark.process
def test_two_processes_at_once_end_with_one_good_file(forks, tmp_path, few_images):
    barrier = forks.Barrier(2)
    processes = [
        forks.Process(target=load_when_all_are_here, args=[tmp_path, barrier]) for _ in range(2)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0
    assert len(list(tmp_path.iterdir())) == 1
    load("sample", root=tmp_path)  # a damaged one would be a warning, and so an error
