"""The one loop: what ``train_val`` does with the same numbers, to the last bit."""

import contextlib
import functools
import io
from dataclasses import replace

import pytest
import torch
from samples import noise_split
from torch import nn
from torch.optim.lr_scheduler import ReduceLROnPlateau

from resnet_helpers import transforms
from resnet_helpers.data import BatchLoader
from resnet_helpers.experiments import LIVE, Recipe, train_side_by_side
from resnet_helpers.experiments.fit import fit, loader_for
from resnet_helpers.networks import build_network, cifar_plain, cifar_resnet
from resnet_helpers.training import train_val, triangle

pytestmark = pytest.mark.usefixtures("on_one_thread")
NOTES = Recipe(image_size=12, epochs=3, batch_size=40, patience=0, threads=1)
SGD = replace(LIVE, epochs=1, batch_size=16, learning_rate=0.1, weight_decay=0.2, seed=5)


def network(build=cifar_resnet, width=4):
    torch.manual_seed(0)
    return build(8, width)


def loaders(recipe):
    """Of 200 training and 60 validation images of noise, as ``fit`` takes them."""
    train, validation = noise_split(200, 0, 12), noise_split(60, 1, 12)
    statistics = transforms.channel_statistics(train.images)
    learn = loader_for(recipe, train, statistics, learn=True)
    return learn, {"val": loader_for(recipe, validation, statistics)}


def test_by_the_notes_recipe_its_history_is_train_vals_to_the_last_bit(tmp_path):
    history = fit(network(), NOTES, *loaders(NOTES))

    model = network()
    train, validation = noise_split(200, 0, 12), noise_split(60, 1, 12)
    statistics = transforms.channel_statistics(train.images)

    def to_float(images):
        return transforms.normalize(images, statistics.mean, statistics.std)

    opt = torch.optim.Adam(model.parameters(), lr=0.001)
    params = {
        "num_epochs": 3,
        "optimizer": opt,
        "loss_func": nn.CrossEntropyLoss(reduction="sum"),
        "train_dl": BatchLoader(train, 40, to_float, transforms.random_flip, shuffle=True),
        "val_dl": BatchLoader(validation, 40, to_float),
        "sanity_check": False,
        "lr_scheduler": ReduceLROnPlateau(opt, mode="min", factor=0.1, patience=0),
        "path2weights": tmp_path / "best.safetensors",
    }
    with contextlib.redirect_stdout(io.StringIO()):
        _, losses, accuracies = train_val(model, params)
    for part in ("train", "val"):
        assert [row[f"{part}_loss"] for row in history] == losses[part]
        assert [row[f"{part}_accuracy"] for row in history] == accuracies[part]
    assert [row["epoch"] for row in history] == [1, 2, 3]


def test_side_by_side_gives_its_history_to_the_last_bit():
    recipe = replace(LIVE, epochs=2, batch_size=16, seed=3)
    split = noise_split(70)
    statistics = transforms.channel_statistics(split.images)
    model = network().to(memory_format=torch.channels_last)
    history = fit(model, recipe, loader_for(recipe, split, statistics, learn=True))
    live = train_side_by_side({"net": network(), "plain": network(cifar_plain)}, split, recipe, 3)
    assert live["net"]["loss"] == [row["train_loss"] for row in history]
    assert live["net"]["error"] == [1 - row["train_accuracy"] for row in history]


@pytest.mark.parametrize("nesterov", [False, True])
def test_each_step_is_sgds_on_the_mean_loss_with_the_recipes_numbers(nesterov):
    recipe = replace(SGD, nesterov=nesterov)
    split = noise_split(70)
    statistics = transforms.channel_statistics(split.images)
    model, expected = network(), network()
    history = fit(model, recipe, loader_for(recipe, split, statistics, learn=True))

    opt = torch.optim.SGD(expected.parameters(), 0.1, 0.9, weight_decay=0.2, nesterov=nesterov)
    generator = torch.Generator().manual_seed(5)
    total = 0.0
    order = torch.randperm(70, generator=generator)
    for step, chosen in enumerate(order.split(16)):
        flip = torch.rand(len(chosen), generator=generator) < 0.5
        images = split.images[chosen]
        images = torch.where(flip[:, None, None, None], images.flip(3), images)
        logits = expected.train()(transforms.normalize(images, statistics.mean, statistics.std))
        # The last batch has 6 images: its summed loss is divided by a full batch's 16.
        loss = nn.functional.cross_entropy(logits, split.labels[chosen], reduction="sum")
        total += loss.item()
        opt.param_groups[0]["lr"] = 0.1 * triangle(step / 5, recipe.warm_up)
        opt.zero_grad()
        (loss / 16).backward()
        opt.step()
    assert history[0]["train_loss"] == pytest.approx(total / 70, rel=1e-4)
    for a, b in zip(model.parameters(), expected.parameters(), strict=True):
        assert torch.allclose(a, b, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_the_rate_in_the_history_is_the_recipes_whatever_the_optimizer(optimizer):
    recipe = replace(NOTES, optimizer=optimizer, learning_rate=0.01, epochs=1)
    assert fit(network(), recipe, *loaders(recipe))[0]["learning_rate"] == pytest.approx(0.01)


def test_smoothing_is_for_learning_and_not_for_measuring():
    recipe = replace(NOTES, label_smoothing=0.5, epochs=1, learning_rate=1e-12)
    smooth, sharp = (fit(network(), r, *loaders(r))[0] for r in (recipe, replace(NOTES, epochs=1)))
    assert smooth["train_loss"] != pytest.approx(sharp["train_loss"], rel=1e-3)
    logits = torch.cat([network().eval()(x) for x, _ in loaders(recipe)[1]["val"]])
    assert logits.shape == (60, 10)  # and the unsmoothed loss of what hardly moved:
    model = network()
    row = fit(model, recipe, *loaders(recipe))[0]
    batches = list(loaders(recipe)[1]["val"])
    with torch.no_grad():
        losses = [
            nn.functional.cross_entropy(model.eval()(x), y, reduction="sum") for x, y in batches
        ]
    assert row["val_loss"] == pytest.approx(sum(losses).item() / 60, rel=1e-5)


def test_who_looks_on_sees_each_step_and_each_epoch_and_may_add_to_the_row():
    def step_seen(row, step):
        row.setdefault("steps", []).append((step.index, len(step.labels), step.loss, step.right))

    def epoch_seen(model, history):
        history[-1]["training"] = model.training
        history[-1]["rows"] = len(history)

    recipe = replace(NOTES, epochs=2)
    history = fit(
        network(), recipe, *loaders(recipe), after_step=[step_seen], after_epoch=[epoch_seen]
    )
    for row in history:
        assert [step[:2] for step in row["steps"]] == [(i, 40) for i in range(5)]
        assert sum(step[2] for step in row["steps"]) / 200 == row["train_loss"]
        assert sum(step[3] for step in row["steps"]) / 200 == row["train_accuracy"]
    assert [(row["training"], row["rows"]) for row in history] == [(False, 1), (False, 2)]


def test_a_plateau_schedule_without_a_validation_to_look_at_is_refused():
    learn, evaluate = loaders(NOTES)
    with pytest.raises(ValueError, match=r"schedule='plateau' follows .*: evaluate lacks 'val'"):
        fit(network(), NOTES, learn, {"test": evaluate["val"]})


def test_bfloat16_computes_in_it_and_sums_losses_in_float32():
    kinds = set()

    def look(row, step):
        kinds.add(step.logits.dtype)

    low = replace(NOTES, precision="bfloat16")
    model = network()
    rows = fit(model, low, *loaders(low), after_step=[look])
    assert kinds == {torch.bfloat16}
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    whole = fit(network(), NOTES, *loaders(NOTES))
    for ours, theirs in zip(rows, whole, strict=True):
        assert ours["train_loss"] != theirs["train_loss"]
        assert ours["train_loss"] == pytest.approx(theirs["train_loss"], rel=0.02)
    # The sum of a batch's losses has more digits than a bfloat16 could hold.
    assert rows[0]["val_loss"] * 60 != torch.tensor(rows[0]["val_loss"] * 60).bfloat16().item()


@pytest.mark.filterwarnings("ignore:Guards may run slower on Python 3.13.0")
def test_compiled_it_learns_the_same(monkeypatch):
    eager = functools.partial(torch.compile, backend="eager")  # no C++ compiler is needed
    monkeypatch.setattr(torch, "compile", eager)
    recipe = replace(NOTES, epochs=2)
    plain, compiled = (
        fit(network(), r, *loaders(r)) for r in (recipe, replace(recipe, compile=True))
    )
    for a, b in zip(plain, compiled, strict=True):
        assert b["train_loss"] == pytest.approx(a["train_loss"], rel=1e-6)
        assert b["val_loss"] == pytest.approx(a["val_loss"], rel=1e-6)


def test_large_images_are_shrunk_and_small_ones_enlarged_for_the_network():
    recipe = replace(NOTES, image_size=12)
    statistics = transforms.channel_statistics(noise_split(8).images)
    for size in (8, 24):
        images, _ = next(iter(loader_for(recipe, noise_split(8, size=size), statistics)))
        assert images.shape == (8, 3, 12, 12)
    left = replace(recipe, image_size=0)
    images, _ = next(iter(loader_for(left, noise_split(8, size=24), statistics)))
    assert images.shape == (8, 3, 24, 24)


def test_the_networks_name_is_the_callers_business():
    model = build_network("cifar_plain8", width=4)
    recipe = replace(NOTES, network="resnet50", epochs=1)
    assert len(fit(model, recipe, *loaders(recipe))) == 1
