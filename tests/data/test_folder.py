"""A folder of the reader's own images: what is read, and what is said of what can't be."""

import itertools
import os
import re
import unicodedata
from pathlib import Path

import pytest
import torch
from PIL import Image

from resnet_helpers.data import describe, folder, load

pytestmark = pytest.mark.trouble("a folder of images")


def make(root, counts, ending="png", **options):
    """Folders of different 8×8 pictures, so many in each; the first pixel says the folder's number.

    ``counts``: by path in ``root`` the number of pictures, or a list of their names.
    """
    number = itertools.count()
    for label, (path, names) in enumerate(counts.items()):
        names = [f"{i:02}.{ending}" for i in range(names)] if isinstance(names, int) else names
        (root / path).mkdir(parents=True, exist_ok=True)
        for name in names:
            high, low = divmod(next(number), 20)
            # Ten apart, so that a JPEG keeps them apart.
            Image.new("RGB", (8, 8), (10 * label, 10 * high, 10 * low)).save(
                root / path / name, **options
            )
    return root


def copy(path, *targets):
    for target in targets:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())


def sizes(data):
    return [len(split) for split in (data.train, data.validation, data.test)]


TWO = {"ant": 10, "bee": 10}
THREE_SPLITS = {"train/ant": 10, "train/bee": 10, "test/ant": 3, "test/bee": 3}


def test_a_folder_with_train_and_test_is_read_as_it_stands(tmp_path):
    data = load(f"folder:{make(tmp_path, THREE_SPLITS)}")
    assert data.classes == ("ant", "bee") and data.unseen is None and data.notes == ()
    assert sizes(data) == [16, 4, 6]
    for split, first in ((data.train, 0), (data.validation, 0), (data.test, 2)):
        expected = (10 * (split.labels + first)).to(torch.uint8)
        assert torch.equal(split.images[:, 0, 0, 0], expected)


def test_from_a_folder_of_classes_alone_a_fifth_becomes_test(tmp_path):
    assert sizes(load(f"folder:{make(tmp_path, TWO)}")) == [12, 4, 4]


def test_pictures_are_found_at_any_depth_in_the_order_of_their_names(tmp_path):
    make(tmp_path, {"ant/b/c": 1, "ant": ["z.png"], "ant/a": 2, "bee": 2})
    tree = folder._scan(tmp_path, {".png"}, ())
    found = [str(path.relative_to(tmp_path / "ant")) for path in tree.folders[0].all_pictures()]
    assert found == ["z.png", "a/00.png", "a/01.png", "b/c/00.png"]


@pytest.mark.parametrize("where", ["", "ant/", "ant/deep/"])
@pytest.mark.parametrize(
    "litter",
    [".ipynb_checkpoints/a.png", ".hidden.png", "._00.png", ".git/x/a.png", "__MACOSX/ant/._a.png",
     "@eaDir/ant/THUMB.jpg", "Thumbs.db", "THUMBS.DB", "desktop.ini", ".DS_Store",
     "$RECYCLE.BIN/a.png", "lost+found/a.png", "__pycache__/a.pyc"],
)  # fmt: skip
def test_litter_is_left_out_at_any_depth(litter, where, tmp_path):
    make(tmp_path, TWO)
    path = tmp_path / f"{where}{litter}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\0\5\x16\7 no picture")
    data = load(f"folder:{tmp_path}")
    assert (data.classes, sizes(data), data.notes) == (("ant", "bee"), [12, 4, 4], ())


@pytest.mark.parametrize("target", ["../ant", "..", "../..", "../bee", "."])
def test_a_link_to_what_is_read_anyway_multiplies_nothing(target, tmp_path):
    make(tmp_path, TWO)
    (tmp_path / "ant" / "again").symlink_to(target)
    data = load(f"folder:{tmp_path}")
    assert sizes(data) == [12, 4, 4]
    assert data.notes == ("left out: 1 × link to a folder that is read anyway",)


def test_a_link_to_a_folder_elsewhere_is_followed_once(tmp_path):
    make(tmp_path / "elsewhere", {"bee": 10})
    (tmp_path / "elsewhere" / "bee" / "round").symlink_to("..")
    make(tmp_path / "mine", {"other": 0, "ant": 10})
    (tmp_path / "mine" / "other").rmdir()
    (tmp_path / "mine" / "bee").symlink_to(tmp_path / "elsewhere" / "bee")
    assert sizes(load(f"folder:{tmp_path}/mine")) == [12, 4, 4]


@pytest.mark.parametrize(
    ("train", "validation", "test"),
    [
        ("Train", None, "Test"),
        ("TRAIN", None, "TEST"),
        ("training", None, "testing"),
        ("Training Set", None, "test_images"),
        ("train", "val", "test"),
        ("train", "valid", "test"),
        ("Train", "Validation", "Test"),
        ("images-train", "images-VAL", "images-test"),
    ],
)
def test_splits_are_known_by_many_names(train, validation, test, tmp_path):
    counts = {f"{train}/ant": 5, f"{train}/bee": 5, f"{test}/ant": 2, f"{test}/bee": 2}
    if validation:
        counts |= {f"{validation}/ant": 4, f"{validation}/bee": 4}
    data = load(f"folder:{make(tmp_path, counts)}")
    assert data.classes == ("ant", "bee")
    assert sizes(data) == ([10, 8, 4] if validation else [8, 2, 4])
    assert data.notes == ()


@pytest.mark.parametrize(
    ("counts", "fault"),
    [
        ({"train/ant": 3, "train/bee": 3, "val/ant": 3, "val/bee": 3},
         "beside train, val there is no folder test"),
        ({"val/ant": 3, "val/bee": 3, "test/ant": 3, "test/bee": 3},
         "beside test, val there is no folder train"),
        ({"Train/ant": 3, "Train/bee": 3}, "beside Train there is no folder test"),
        ({"Train": 3, "Test": 3}, "of Test, Train no class folders with images are in Test, Train"),
        ({"training": 3, "valid": 3, "bus": 3}, "of training, valid no class folders"),
        ({"train/ant": 3, "train/bee": 3, "test": 3}, "no class folders with images are in test"),
        ({**THREE_SPLITS, "Train/ant": 3}, "of Train, test, train two are for the same split"),
        ({"train/bus": 3, "car": 3, "train/car": 3}, "beside train there is no folder test"),
        ({"ant/train": 3, "ant/test": 3, "bee/train": 3, "bee/test": 3}, "ant holds splits"),
    ],
)  # fmt: skip
def test_splits_that_cannot_be_told_are_refused_with_the_names(counts, fault, tmp_path):
    with pytest.raises(ValueError, match=f"{fault}.*expected .*/train/CLASS/image.jpg and .*/test"):
        load(f"folder:{make(tmp_path, counts)}")


@pytest.mark.parametrize("name", ["train", "Test", "validation"])
def test_a_class_may_have_the_name_of_a_split(name, tmp_path):
    data = load(f"folder:{make(tmp_path, {'Bus': 5, 'Car': 5, name: 5})}")
    assert data.classes == tuple(sorted(["Bus", "Car", name]))
    inner = {f"{split}/{c}": 5 for split in ("train", "test") for c in ("bus", "train")}
    assert load(f"folder:{make(tmp_path / 'both', inner)}").classes == ("bus", "train")


def test_one_class_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"holds one class alone, ant: there is nothing to learn$"):
        load(f"folder:{make(tmp_path, {'ant': 10})}")


@pytest.mark.parametrize("within", ["my-images-main", "a/b/c"])
@pytest.mark.parametrize("counts", [TWO, THREE_SPLITS])
def test_a_folder_one_level_too_high_is_told_the_right_one(within, counts, tmp_path):
    make(tmp_path / within, counts)
    with pytest.raises(ValueError, match="nothing to learn, unless you mean the folders") as caught:
        load(f"folder:{tmp_path}")
    right = str(caught.value).split("folder:")[1]
    assert right == f"{tmp_path / within}" and load(f"folder:{right}").classes == ("ant", "bee")


def test_classes_that_a_split_lacks_are_named(tmp_path):
    make(tmp_path, {"train/ant": 3, "train/bee": 3, "test/ant": 3, "test/Cow": 3})
    expected = "all splits must hold the same classes; test lacks 'bee', train lacks 'Cow'"
    with pytest.raises(ValueError, match=expected):
        load(f"folder:{tmp_path}")


def test_a_name_is_the_same_however_its_accents_are_written(tmp_path):
    for split, form in (("train", "NFD"), ("test", "NFC")):
        make(tmp_path / split, {unicodedata.normalize(form, "é"): 5, "Ärger": 5})
    assert load(f"folder:{tmp_path}").classes == ("Ärger", "é")


@pytest.mark.parametrize("counts", [["caf", "bee"], ["train/caf", "train/b", "test/caf", "test/b"]])
def test_a_name_that_is_not_utf8_is_refused(counts, tmp_path):
    for path in counts:
        (tmp_path / path).mkdir(parents=True)
        Image.new("RGB", (8, 8)).save(tmp_path / path / "0.png")
        if path.endswith("caf"):
            os.rename(tmp_path / path, os.fsencode(tmp_path / path) + b"\xe9")  # noqa: PTH104
    with pytest.raises(ValueError, match=r"name 'caf\\udce9' isn't UTF-8.*: rename it, or unpack"):
        load(f"folder:{tmp_path}")


@pytest.mark.parametrize(
    "ending", ["jpg", "JPG", "jpeg", "jfif", "gif", "avif", "webp", "bmp", "tiff", "ppm", "jp2"]
)
def test_what_pillow_can_read_is_read(ending, tmp_path):
    make(tmp_path, {"ant": [f"{i}.{ending}" for i in range(5)], "bee": 5})
    assert sizes(load(f"folder:{tmp_path}")) == [6, 2, 2]


def test_what_is_left_out_is_counted_in_one_line(tmp_path, capsys):
    make(tmp_path, THREE_SPLITS | {"unsorted": 7, "train": 1, "extra/notes": 0})
    for i in range(40):
        (tmp_path / "train" / "ant" / f"IMG_{i}.HEIC").write_bytes(b"\0\0\0\x18ftypheic")
    for name in ("labels.csv", "train/bee/README", "test/list.txt", "extra/notes/list.TXT"):
        (tmp_path / name).write_text("x", encoding="utf-8")
    data = load(f"folder:{tmp_path}")
    assert sizes(data) == [16, 4, 6]
    assert len(data.notes) == 1 and data.notes[0] in capsys.readouterr().err
    said = re.fullmatch("left out: (.*), and 1 more", data.notes[0])[1].split(", ")
    assert said[:3] == ["40 × .heic", "7 × image in unsorted", "2 × .txt"]
    assert set(said[3:]) < {
        "1 × .csv",
        "1 × without an ending",
        "1 × .png outside the class folders",
    }


def test_a_class_of_which_nothing_can_be_read_says_what_was_left_out(tmp_path):
    make(tmp_path, {"ant": 5, "bee": 0})
    (tmp_path / "bee" / "a.heic").write_bytes(b"x")
    expected = r"holds no images in bee \(left out: 1 × .heic\).* at least one image in every class"
    with pytest.raises(FileNotFoundError, match=expected):
        load(f"folder:{tmp_path}")


@pytest.mark.parametrize("counts", [{}, {"": 3}, {"ant": 0}, {"ant": 0, "bee": 2}])
def test_a_folder_without_images_of_classes_is_named(counts, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"holds no images in .*expected .*/CLASS/image"):
        load(f"folder:{make(tmp_path, counts)}")


def test_what_is_no_folder_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere is not there: .*nowhere/CLASS"):
        load(f"folder:{tmp_path}/nowhere")
    (tmp_path / "photos.zip").write_bytes(b"PK")
    with pytest.raises(FileNotFoundError, match=r"photos.zip is a file: expected"):
        load(f"folder:{tmp_path}/photos.zip")


def test_all_unreadable_images_stand_in_one_error(tmp_path):
    make(tmp_path, THREE_SPLITS)
    for i in range(4):
        (tmp_path / "train" / "ant" / f"cut{i}.jpg").write_bytes(b"no image")
        (tmp_path / "test" / "bee" / f"bad{i}.png").write_bytes(b"")
    with pytest.raises(ValueError, match="8 of 34 images can't be used") as caught:
        load(f"folder:{tmp_path}")
    lines = str(caught.value).splitlines()
    assert len(lines) == 7 and lines[-1].strip() == "…"
    assert all("can't be read as an image: mend or remove it" in line for line in lines[1:6])


@pytest.mark.trouble("a state from another machine")
def test_images_that_may_not_be_read_are_not_called_broken(tmp_path, monkeypatch):
    make(tmp_path, TWO)

    def refuse(path, size):
        raise PermissionError(13, "can't be opened: Permission denied", str(path))

    monkeypatch.setattr(folder, "read_image", refuse)
    with pytest.raises(PermissionError, match="20 of 20 images can't be used") as caught:
        load(f"folder:{tmp_path}")
    assert "Permission denied: '" in str(caught.value) and "remove" not in str(caught.value)


def test_image_size_crops_the_middle_square_and_resizes(tmp_path):
    make(tmp_path, {"bee": 5}, "gif")
    (tmp_path / "ant").mkdir()
    for number, size in enumerate([(30, 10), (10, 30), (80, 20), (20, 10), (10, 10)]):
        stripes = Image.new("RGB", size, "red")
        side = min(size)
        left, top = (size[0] - side) // 2, (size[1] - side) // 2
        stripes.paste((0, number, 255), (left, top, left + side, top + side))
        stripes.save(tmp_path / "ant" / f"{number}.png")
    data = load(f"folder:{tmp_path}", image_size=10)
    splits = data.train, data.validation, data.test
    images = torch.cat([split.images[split.labels == 0] for split in splits])
    assert images.shape == (5, 3, 10, 10)
    assert (images[:, 0, 2:8, 2:8] == 0).all() and (images[:, 2, 2:8, 2:8] == 255).all()


def test_images_of_differing_sizes_are_named_with_the_way_out(tmp_path):
    make(tmp_path, TWO)
    Image.new("RGB", (9, 8)).save(tmp_path / "bee" / "z.png")
    with pytest.raises(ValueError, match=r"z.png is 9×8 .* first image is 8×8: .*image_size=96"):
        load(f"folder:{tmp_path}")


def test_a_path_may_begin_with_the_home_folder(tmp_path, monkeypatch):
    make(tmp_path / "pictures", TWO)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert load("folder:~/pictures").classes == ("ant", "bee")


@pytest.mark.parametrize("seed", range(3))
def test_copies_of_a_picture_never_stand_in_two_splits(seed, tmp_path):
    make(tmp_path, {"ant": 20, "bee": 20})
    for path in sorted(tmp_path.rglob("*.png")):
        copy(path, path.with_name(f"{path.stem} (1).png"), path.with_name(f"{path.stem} copy.png"))
    data = load(f"folder:{tmp_path}", seed=seed)
    pictures = [
        {image.numpy().tobytes() for image in split.images}
        for split in (data.train, data.validation, data.test)
    ]
    assert sum(sizes(data)) == 120 and sum(map(len, pictures)) == len(set.union(*pictures)) == 40
    assert sizes(data)[2] in (22, 24) and min(sizes(data)) >= 18


def test_copies_between_the_readers_own_splits_are_counted_in_one_line(tmp_path, capsys):
    make(tmp_path, THREE_SPLITS | {"val/ant": 2, "val/bee": 2})
    copy(tmp_path / "train/ant/00.png", tmp_path / "test/bee/x.png", tmp_path / "val/bee/x.png")
    copy(tmp_path / "train/bee/01.png", tmp_path / "test/bee/y.png")
    copy(tmp_path / "val/ant/00.png", tmp_path / "test/ant/z.png")
    data = load(f"folder:{tmp_path}")
    note = "exact copies of another split's images: 1 of 5 in validation, 3 of 9 in test"
    assert data.notes == (note,) and note in capsys.readouterr().err


def test_a_progress_bar_is_for_terminals_alone(tmp_path, capsys, monkeypatch):
    make(tmp_path, TWO)
    load(f"folder:{tmp_path}")
    assert capsys.readouterr() == ("", "")
    bars = []
    monkeypatch.setattr(folder, "tqdm", lambda images, *_, **given: bars.append(given) or images)
    load(f"folder:{tmp_path}")
    assert [(bar["delay"], bar["disable"]) for bar in bars] == [(2, None)]


@pytest.mark.parametrize("number", [2, 8, 9, 100])
def test_a_description_tells_classes_and_images_in_ten_lines(number, tmp_path):
    names = [f"class{i:03}" for i in range(number)]
    data = load(f"folder:{make(tmp_path, {name: 5 + (name[-1] == '8') for name in names})}")
    text = describe(data)
    assert len(text.splitlines()) == min(number + 2, 10)
    assert f"{number} classes" in text and "class000: 3, 1, 1" in text
    assert ("more: 3 to 4, 1 to 1, 1 to 1" in text) == (number > 8)
    assert f"all: {', '.join(map(str, sizes(data)))}" in text
    assert Path(data.name).name in text
