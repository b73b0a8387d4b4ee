"""The model card: what is said is what was measured."""

import contextlib

import pytest
from PIL import Image
from samples import noise_split

from resnet_helpers.data import Dataset
from resnet_helpers.experiments import Recipe
from resnet_helpers.experiments.train import train_to_folder


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The folder and the result of a small training."""
    folder = tmp_path_factory.mktemp("finished") / "out"
    splits = (noise_split(n, seed, 12) for seed, n in enumerate((80, 40, 50)))
    data = Dataset("noise", tuple("abcdefghij"), *splits)
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
        result["provenance"]["digest"],
        f"{result['test']['accuracy']:.1%} ±",
        "network cifar_resnet8, image_size 12, epochs 2, batch_size 40, optimizer adam",
        result["provenance"]["processor"],
    ):
        assert fact in card, fact
    right = result["test"]["confusion"][3][3]
    assert f"| d | 5 | {right / 5:.1%} |" in card


def test_the_model_cards_code_runs(finished):
    code = (finished[0] / "README.md").read_text().split("```python\n")[1].split("```")[0]
    scope = {"images": noise_split(5, 7, 20).images}
    with contextlib.chdir(finished[0]):
        exec(code, scope)
    assert len(scope["names"]) == 5 and set(scope["names"]) <= set("abcdefghij")
