"""The model card: what is said is what was measured."""

import contextlib

import numpy as np
import pytest
from PIL import Image, ImageDraw
from samples import noise_split

from resnet_helpers import __main__ as command_line
from resnet_helpers.data import Dataset, load
from resnet_helpers.experiments import Recipe
from resnet_helpers.experiments.model_card import model_card
from resnet_helpers.experiments.train import train_to_folder


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The folder and the result of a small training."""
    folder = tmp_path_factory.mktemp("finished") / "out"
    splits = (noise_split(n, seed, 12) for seed, n in enumerate((80, 40, 50)))
    notes = ("exact copies of another split's images: 3 of 50 in test",)
    data = Dataset("noise", tuple("abcdefghij"), *splits, notes=notes)
    recipe = Recipe("cifar_resnet8", epochs=2, batch_size=40)
    return folder, train_to_folder(recipe, data, folder)[1]


def test_the_curves_are_a_picture(finished):
    with Image.open(finished[0] / "curves.png") as picture:
        assert picture.width > 500


def test_the_model_card_says_what_the_network_is_and_what_made_it(finished):
    folder, result = finished
    card = (folder / "README.md").read_text()
    for fact in (
        "cifar_resnet8, trained on noise",
        "75,290 parameters, 10 classes",
        "(a, b, c, d, e, f, g, h, i, j)",
        "images of 12×12 pixels",
        "80 training images",
        "exact copies of another split's images: 3 of 50 in test",
        result["provenance"]["digest"],
        f"{result['test']['accuracy']:.1%} ±",
        "network cifar_resnet8, image_size 12, epochs 2, batch_size 40, optimizer adam",
        result["provenance"]["processor"],
    ):
        assert fact in card, fact
    right = result["test"]["confusion"][3][3]
    assert f"| d | 5 | {right / 5:.1%} |" in card


@pytest.mark.trouble("from file to network")
def test_a_class_without_test_images_isnt_told_as_never_recognised(finished):
    result = {**finished[1], "test": {**finished[1]["test"]}}
    result["test"]["confusion"] = [[0] * 10, *result["test"]["confusion"][1:]]
    assert "| a | 0 | – |" in model_card(result)


# what trained is what predicts


def draw_photographs(folder, n, seed):
    """4:3, as telephones take them: a disc (class round), or an ellipse a third wider."""
    rng = np.random.default_rng(seed)
    for wide in (False, True):
        place = folder / ("wide" if wide else "round")
        place.mkdir(parents=True)
        for i in range(n):
            image = Image.fromarray(rng.integers(0, 60, (72, 96, 3), dtype=np.uint8))
            r, (x, y) = rng.uniform(14, 22), np.add(rng.uniform(-6, 6, 2), (48, 36))
            a = r * (4 / 3 if wide else 1)
            colour = tuple(rng.integers(120, 255, 3).tolist())
            ImageDraw.Draw(image).ellipse((x - a, y - r, x + a, y + r), fill=colour)
            image.save(place / f"{i}.png")


@pytest.fixture(scope="module")
def photographs(tmp_path_factory):
    """The test photographs and their classes, the folder of a training, and its result."""
    folder = tmp_path_factory.mktemp("photographs")
    draw_photographs(folder / "all" / "train", 100, 0)
    draw_photographs(folder / "all" / "test", 40, 1)
    # Read at 40 pixels and shrunk to 24: both steps must be taken again.
    recipe = Recipe("cifar_resnet8", image_size=24, epochs=5, batch_size=20, precision="bfloat16")
    data = load(f"folder:{folder / 'all'}", image_size=40)
    _, result = train_to_folder(recipe, data, folder / "out")
    assert result["test"]["accuracy"] > 0.7
    paths = sorted((folder / "all" / "test").rglob("*.png"))
    return paths, [path.parent.name for path in paths], folder / "out", result


@pytest.mark.trouble("from file to network")
def test_the_model_cards_code_gives_the_model_cards_accuracy(photographs):
    paths, truth, folder, result = photographs
    code = (folder / "README.md").read_text("utf-8").split("```python\n")[1].split("```")[0]
    code = code.replace('["photo.jpg"]', repr([str(path) for path in paths]))
    scope = {}
    with contextlib.chdir(folder):
        exec(code, scope)
    right = sum(a == b for a, b in zip(scope["names"], truth, strict=True))
    assert right / len(paths) == result["test"]["accuracy"]
    assert scope["probabilities"].shape == (80, 2)
    assert scope["probabilities"].sum(1).numpy() == pytest.approx(1, abs=1e-5)


@pytest.mark.trouble("from file to network")
def test_the_command_predict_says_the_same_in_a_line_a_picture(photographs, monkeypatch, capsys):
    paths, truth, folder, result = photographs
    monkeypatch.setenv("HOME", str(folder))  # ~ is a reader's home, though no shell saw it
    command_line.main(["predict", "~", *map(str, paths)])
    of_the_folder = capsys.readouterr().out
    command_line.main(["predict", "~/best.safetensors", *map(str, paths)])
    said = capsys.readouterr().out
    assert said == of_the_folder
    lines = said.splitlines()
    pairs = list(zip(lines, truth, strict=True))
    assert all(line.startswith(f"{path}: ") for line, path in zip(lines, paths, strict=True))
    right = sum(line.split(": ")[1].startswith(name) for line, name in pairs)
    assert right / len(paths) == result["test"]["accuracy"]
    assert all(line.count("%") == 2 for line in lines)
