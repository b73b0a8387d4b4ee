"""Recipes: the notes' numbers, what old recordings meant, and clear words for what can't be."""

import inspect
import json
from dataclasses import asdict, fields, replace

import pytest
import torch
import torchvision

from resnet_helpers.experiments import LIVE, RECIPES, Recipe
from resnet_helpers.experiments.recorded import RECORDED
from resnet_helpers.networks import build_network, count_parameters


def test_the_notes_recipe_is_the_notes_training():
    notes = RECIPES["notes"]
    assert (notes.network, notes.image_size, notes.batch_size, notes.epochs) == (
        "resnet50",
        224,
        32,
        20,
    )
    assert (notes.optimizer, notes.learning_rate, notes.weight_decay) == ("adam", 0.001, 0)
    assert (notes.schedule, notes.patience) == ("plateau", 10)
    assert notes.flip and notes.crop == 0 and notes.label_smoothing == 0
    assert not (notes.zero_gamma or notes.channels_last) and notes.precision == "float32"


def test_a_recipe_says_whether_its_momentum_is_nesterovs():
    assert "optimizer sgd" in str(RECIPES["book"]) and "nesterov True" in str(RECIPES["book"])
    assert "momentum 0.9, nesterov False" in str(LIVE)
    assert "nesterov" not in str(RECIPES["notes"]) and "momentum" not in str(RECIPES["notes"])


def test_what_a_recipe_says_tells_it_from_any_other():
    book = RECIPES["book"]
    for change in ({"flip": False}, {"seed": 1}, {"precision": "bfloat16"}, {"warm_up": 0.1}):
        assert str(replace(book, **change)) != str(book)


# recorded settings


@pytest.mark.parametrize("path", sorted(RECORDED.glob("*/*.json")), ids=lambda path: path.stem)
def test_of_every_recorded_file_all_settings_are_in_the_recipe(path):
    settings = json.loads(path.read_text())["settings"]
    recipe = asdict(Recipe.of(settings))
    for name in settings.keys() & recipe.keys() - {"network"}:
        assert recipe[name] == settings[name], name
    if "nesterov" not in settings:  # the older ones don't say it
        assert recipe["nesterov"] == (settings["optimizer"] == "sgd")


def test_a_recipe_is_read_again_from_its_settings():
    recipe = replace(RECIPES["book"], nesterov=False, seed=7, precision="bfloat16", compile=True)
    assert Recipe.of(json.loads(json.dumps(asdict(recipe)))) == recipe


# networks by name


@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_networks_by_name_have_torchvisions_number_of_parameters(name):
    theirs = count_parameters(getattr(torchvision.models, name)())
    assert count_parameters(build_network(name, 1000)) == theirs


@pytest.mark.parametrize(
    ("name", "options", "parameters"),
    [
        ("cifar_resnet20", {}, 269_722),
        ("cifar_plain56", {}, 853_018),
        ("cifar_resnet8", {"width": 8}, 19_218),
    ],
)
def test_networks_of_the_cifar_family_have_as_many_parameters_as_by_hand(name, options, parameters):
    assert count_parameters(build_network(name, **options)) == parameters


@pytest.mark.parametrize("name", ["cifar_resnet14", "resnet18", "resnet18d"])
def test_with_zero_gamma_each_block_starts_as_the_identity(name):
    for zero_gamma in (False, True):
        model = build_network(name, zero_gamma=zero_gamma)
        last = [m.residual_function[-1] for m in model.modules() if hasattr(m, "residual_function")]
        assert len(last) >= 6
        assert all((torch.count_nonzero(norm.weight) == 0) == zero_gamma for norm in last)


# what can't be


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"network": "resnet19"}, "network='resnet19': choose resnet18, 34, .*cifar_resnet20"),
        ({"network": "cifar_resnet"}, "network='cifar_resnet': choose resnet18"),
        ({"network": "resnet18", "width": 8}, "width=8: resnet18 has one width only"),
        ({"network": "plain18", "zero_gamma": True}, "plain18 has no residual block"),
        ({"optimizer": "lion"}, "optimizer='lion': expected one of adam, sgd"),
        ({"schedule": "cosine"}, "schedule='cosine': expected one of plateau, triangle"),
        ({"precision": "float16"}, "precision='float16': expected one of float32, bfloat16"),
        ({"nesterov": True}, "nesterov=True: expected False, without sgd and a momentum"),
        ({"epochs": 0}, "epochs=0: expected at least 1"),
        ({"batch_size": 0}, "batch_size=0: expected at least 1"),
        ({"width": 0}, "width=0: expected at least 1"),
        ({"image_size": -1}, "image_size=-1: expected at least 0"),
        ({"learning_rate": 0.0}, "learning_rate=0.0: expected a positive number"),
        ({"learning_rate": float("nan")}, "learning_rate=nan: expected a positive number"),
        ({"momentum": 1.0}, "momentum=1.0: expected at least 0 and less than 1"),
        ({"weight_decay": -1.0}, "weight_decay=-1.0: expected at least 0"),
        ({"warm_up": 1.0}, "warm_up=1.0: expected a share between 0 and 1"),
        ({"label_smoothing": 1.0}, "label_smoothing=1.0: expected at least 0 and less than 1"),
        ({"limit": -1}, "limit=-1: expected at least 0"),
    ],
)
def test_a_value_that_cannot_be_is_named_with_what_could(change, message):
    with pytest.raises(ValueError, match=message):
        replace(Recipe(), **change)


def test_the_docstring_explains_each_setting():
    told = inspect.getdoc(Recipe)  # its margin differs from Python to Python
    assert all(f"\n    {field.name}: " in told for field in fields(Recipe))
