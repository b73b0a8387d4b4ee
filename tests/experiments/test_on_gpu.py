"""Trainings side by side on a GPU: computed by the CPU, they are what ``fit`` computes."""

from dataclasses import replace

import pytest
import torch
from samples import noise_split

from resnet_helpers import transforms
from resnet_helpers.data import Dataset
from resnet_helpers.experiments import LIVE
from resnet_helpers.experiments.fit import NotFinite, fit, loader_for, network_for
from resnet_helpers.experiments.on_gpu import fit_on_gpu

pytestmark = pytest.mark.usefixtures("on_one_thread")
RESIDUAL = replace(
    LIVE, network="cifar_resnet8", width=2, image_size=8, epochs=4, batch_size=16, crop=1
)
RECIPES = {
    "residual": RESIDUAL,
    "plain": replace(RESIDUAL, network="cifar_plain8", schedule="stairs"),
    "another seed": replace(RESIDUAL, seed=1),
}


@pytest.fixture(scope="module")
def data():
    """Noise: 70 images to learn from, so that the last batch is a small one, and 30 to test."""
    train, test = noise_split(70, 0, 8), noise_split(30, 1, 8)
    return Dataset("noise", tuple("abcdefghij"), train, test, test)


@pytest.fixture(scope="module")
def histories(data):
    return fit_on_gpu(RECIPES, data, device="cpu")


@pytest.mark.parametrize("name", RECIPES)
def test_each_of_several_networks_learns_as_fit_would_have_it_alone(name, data, histories):
    recipe = RECIPES[name]
    statistics = transforms.channel_statistics(data.train.images)
    learn = loader_for(recipe, data.train, statistics, learn=True)
    test = loader_for(recipe, data.test, statistics)
    expected = fit(network_for(recipe, 10), recipe, learn, {"test": test})
    for row, wanted in zip(histories[name], expected, strict=True):
        for part in ("train", "test"):
            assert row[f"{part}_loss"] == pytest.approx(wanted[f"{part}_loss"], rel=1e-6)
            assert row[f"{part}_error"] == pytest.approx(1 - wanted[f"{part}_accuracy"])


def test_a_training_that_was_cut_off_goes_on_to_the_same_numbers(data, tmp_path):
    recipes = {name: replace(recipe, epochs=12) for name, recipe in RECIPES.items()}

    def cut_off(name, model, history):
        if len(history) == 11:
            raise KeyboardInterrupt

    keep = tmp_path / "kept" / "together.pt"
    with pytest.raises(KeyboardInterrupt):
        fit_on_gpu(recipes, data, keep, [cut_off], device="cpu")
    epochs = []
    again = fit_on_gpu(recipes, data, keep, [lambda *of: epochs.append(len(of[2]))], device="cpu")
    assert set(epochs) == {11, 12}
    whole = fit_on_gpu(recipes, data, device="cpu")
    for name in recipes:
        for row in (*again[name], *whole[name]):
            row.pop("seconds")
        assert again[name] == whole[name]


def test_a_loss_without_end_stops_all(data):
    recipes = {"residual": RESIDUAL, "too fast": replace(RESIDUAL, learning_rate=1e20)}
    with pytest.raises(NotFinite):
        fit_on_gpu(recipes, data, device="cpu")


def test_what_a_gpu_cuts_out_all_at_once_is_what_is_cut_out_one_by_one():
    images = noise_split(20, 3, 6).images
    generator = torch.Generator().manual_seed(2)
    expected = transforms.random_crop(images, 2, generator)
    tops, lefts = torch.randint(0, 5, (2, 20), generator=generator.manual_seed(2))
    padded = torch.nn.functional.pad(images, [2] * 4)
    assert torch.equal(transforms._windows(padded, tops, lefts, 6, 6), expected)
