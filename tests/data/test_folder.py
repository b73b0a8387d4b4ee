"""A folder of the reader's own images: what is read, and what is said of what can't be."""

import numpy as np
import pytest
import torch
from PIL import Image

from resnet_helpers.data import load


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


def test_image_size_crops_the_middle_square_and_resizes(tmp_path):
    (tmp_path / "ant").mkdir()
    for number, size in enumerate([(30, 10), (10, 30), (80, 20), (20, 10), (10, 10)]):
        stripes = Image.new("RGB", size, "red")
        side = min(size)
        left, top = (size[0] - side) // 2, (size[1] - side) // 2
        stripes.paste("blue", (left, top, left + side, top + side))
        stripes.save(tmp_path / "ant" / f"{number}.png")
    data = load(f"folder:{tmp_path}", image_size=10)
    images = torch.cat([data.train.images, data.validation.images, data.test.images])
    assert images.shape == (5, 3, 10, 10)
    blue = torch.tensor([0, 0, 255], dtype=torch.uint8)[:, None, None]
    assert (images[:, :, 2:8, 2:8] == blue).all()


def test_a_telephones_picture_stands_upright(tmp_path):
    (tmp_path / "ant").mkdir()
    picture = Image.new("RGB", (8, 8), "red")
    picture.paste("blue", (0, 0, 8, 4))
    held = picture.getexif()
    held[0x0112] = 3  # upside down
    for number in range(5):
        picture.save(tmp_path / "ant" / f"{number}.png", exif=held)
    images = load(f"folder:{tmp_path}").train.images
    assert (images[:, 0, :4] == 255).all() and (images[:, 2, 4:] == 255).all()


def test_a_path_may_begin_with_the_home_folder(tmp_path, monkeypatch):
    make_folder(tmp_path / "pictures", ["ant"])
    monkeypatch.setenv("HOME", str(tmp_path))
    assert load("folder:~/pictures").classes == ("ant",)


def test_grey_and_transparent_images_become_rgb(tmp_path):
    make_folder(tmp_path, ["ant"], 8)
    Image.new("L", (8, 8), 200).save(tmp_path / "ant" / "grey.png")
    Image.new("RGBA", (8, 8), (1, 2, 3, 0)).save(tmp_path / "ant" / "glass.png")
    assert load(f"folder:{tmp_path}").train.images.shape[1] == 3


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(
        FileNotFoundError, match=r"nowhere holds no images .*nowhere/CLASS.*No such"
    ):
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
    with pytest.raises(
        FileNotFoundError, match=r"test holds no images .*test/CLASS.* No such file"
    ):
        load(f"folder:{tmp_path}")
