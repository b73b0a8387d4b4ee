"""Presets: the notes' numbers, and clear words for what can't be."""

import dataclasses

import pytest
import torch
import torchvision

from resnet_helpers.experiments.recipe import PRESETS, Preset, build_network
from resnet_helpers.networks import count_parameters


def test_the_notes_preset_is_the_notes_training():
    notes = PRESETS["notes"]
    assert (notes.network, notes.image_size, notes.batch_size, notes.epochs) == (
        "resnet50",
        224,
        32,
        20,
    )
    assert (notes.optimizer, notes.learning_rate, notes.weight_decay) == ("adam", 0.001, 0)
    assert (notes.schedule, notes.patience) == ("plateau", 10)
    assert notes.flip and notes.crop == 0 and notes.label_smoothing == 0
    assert not (notes.zero_gamma or notes.channels_last or notes.mixed_precision)


def test_the_colab_preset_is_the_books_with_a_rate_in_proportion_to_its_batch():
    book, colab = PRESETS["book"], PRESETS["colab"]
    assert colab.learning_rate / colab.batch_size == book.learning_rate / book.batch_size
    assert colab.mixed_precision and colab.channels_last
    same = ("image_size", "optimizer", "momentum", "weight_decay", "schedule", "warm_up", "crop")
    assert all(getattr(colab, name) == getattr(book, name) for name in same)


@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_networks_by_name_have_torchvisions_number_of_parameters(name):
    ours = build_network(Preset(name), num_classes=1000)
    assert count_parameters(ours) == count_parameters(getattr(torchvision.models, name)())


def test_networks_of_the_cifar_family_have_the_papers_number_of_parameters():
    assert count_parameters(build_network(Preset("cifar_resnet20"), 10)) == 269_722
    assert count_parameters(build_network(Preset("cifar_plain56"), 10)) == 853_018


def test_with_zero_gamma_each_block_starts_as_the_identity():
    model = build_network(Preset("cifar_resnet14", zero_gamma=True), 10)
    last = [m.residual_function[-1] for m in model.modules() if hasattr(m, "residual_function")]
    assert len(last) == 6
    assert all(torch.count_nonzero(norm.weight) == 0 for norm in last)


def test_every_preset_can_be_built():
    for preset in PRESETS.values():
        assert count_parameters(build_network(preset, 10)) > 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"network": "resnet19"}, "network='resnet19': choose resnet18, 34, .*cifar_resnet20"),
        ({"network": "cifar_resnet"}, "network='cifar_resnet': choose resnet18"),
        ({"optimizer": "lion"}, "optimizer='lion': choose one of adam, sgd"),
        ({"schedule": "cosine"}, "schedule='cosine': choose one of plateau, triangle"),
        ({"epochs": 0}, "epochs=0: expected at least 1"),
        ({"batch_size": 0}, "batch_size=0: expected at least 1"),
        ({"image_size": 0}, "image_size=0: expected at least 1"),
        ({"learning_rate": 0.0}, "learning_rate=0.0: expected a positive number"),
        ({"learning_rate": float("nan")}, "learning_rate=nan: expected a positive number"),
        ({"weight_decay": -1.0}, "weight_decay=-1.0: expected at least 0"),
        ({"warm_up": 1.0}, "warm_up=1.0: expected a share between 0 and 1"),
        ({"label_smoothing": 1.0}, "label_smoothing=1.0: expected a share of less than 1"),
        ({"limit": -1}, "limit=-1: expected at least 0"),
    ],
)
def test_a_value_that_cannot_be_is_named_with_what_could(change, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(PRESETS["smoke"], **change)
