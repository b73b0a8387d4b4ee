"""The sample set: fixed by its seed, balanced, quick, and no toy."""

import os
import subprocess
import sys
import time

import numpy as np
import pytest

from resnet_helpers.data import sample_set
from resnet_helpers.data.sample_set import CLASSES, GLYPHS, SPLITS, UNSEEN_GLYPHS, draw_split

DIGEST = """
import hashlib
from resnet_helpers.data.sample_set import draw_split
digest = hashlib.sha256()
for split in ("train", "test", "unseen"):
    for array in draw_split(split, seed=3, count=50):
        digest.update(array.tobytes())
print(digest.hexdigest())
"""


def test_two_processes_draw_the_same_pixels():
    runs = [
        subprocess.run(
            [sys.executable, "-c", DIGEST],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for hash_seed in ("1", "2")
    ]
    assert runs[0] == runs[1]
    assert len(runs[0].strip()) == 64


def test_the_whole_set_is_drawn_in_ten_seconds():
    # Processor time: what else the machine does is not the drawing's fault.
    start = time.process_time()
    for split in SPLITS:
        draw_split(split)
    assert time.process_time() - start < 10


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
