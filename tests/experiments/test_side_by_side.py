"""The live experiment: one recipe for all, the same numbers whatever runs beside it."""

import dataclasses

import pytest
import torch
from samples import noise_split
from torch import nn

from resnet_helpers.experiments.side_by_side import Recipe, errors, train_side_by_side
from resnet_helpers.networks import cifar_plain, cifar_resnet
from resnet_helpers.training import triangle
from resnet_helpers.transforms import channel_statistics, normalize

SHORT = Recipe(epochs=2, batch_size=16)


def network(build=cifar_plain, seed=1):
    torch.manual_seed(seed)
    return build(8, 2)


def test_the_numbers_are_the_same_alone_and_beside_others():
    split = noise_split(70)
    alone = train_side_by_side({"plain": network()}, split, SHORT, seed=3)
    models = {f"residual {i}": network(cifar_resnet, i) for i in range(3)}
    beside = train_side_by_side({**models, "plain": network()}, split, SHORT, seed=3)
    assert list(beside) == [*models, "plain"]
    assert beside["plain"] == alone["plain"]
    assert [len(h) for h in alone["plain"].values()] == [2, 2]
    other = train_side_by_side({"plain": network()}, split, SHORT, seed=4)
    assert other["plain"]["loss"] != alone["plain"]["loss"]


def test_training_is_sgd_on_the_mean_loss_with_the_recipes_numbers():
    split = noise_split(70)
    model, expected = network(), network()
    recipe = Recipe(epochs=1, batch_size=16, learning_rate=0.1, weight_decay=0.2)
    history = train_side_by_side({"net": model}, split, recipe, seed=5)["net"]

    opt = torch.optim.SGD(expected.parameters(), 0.1, momentum=0.9, weight_decay=0.2)
    statistics = channel_statistics(split.images)
    generator = torch.Generator().manual_seed(5)
    total = 0.0
    order = torch.randperm(70, generator=generator)
    for step, chosen in enumerate(order.split(16)):
        flip = torch.rand(len(chosen), generator=generator) < 0.5
        images = split.images[chosen]
        images = torch.where(flip[:, None, None, None], images.flip(3), images)
        logits = expected.train()(normalize(images, statistics.mean, statistics.std))
        # The last batch has 6 images: its summed loss is divided by a full batch's 16.
        loss = nn.functional.cross_entropy(logits, split.labels[chosen], reduction="sum")
        total += loss.item()
        opt.param_groups[0]["lr"] = 0.1 * triangle(step / 5, recipe.warm_up)
        opt.zero_grad()
        (loss / 16).backward()
        opt.step()
    assert history["loss"] == [pytest.approx(total / 70, rel=1e-4)]
    for a, b in zip(model.parameters(), expected.parameters(), strict=True):
        assert torch.allclose(a, b, rtol=1e-3, atol=1e-5)


def test_the_number_of_threads_is_put_back_also_after_an_error():
    threads = torch.get_num_threads()
    with pytest.raises(ValueError, match="batch_size=0"):
        bad = dataclasses.replace(SHORT, batch_size=0)
        train_side_by_side({"net": network()}, noise_split(70), bad)
    assert torch.get_num_threads() == threads


def test_errors_are_the_share_of_wrong_answers_in_evaluation_mode():
    train, test = noise_split(70), noise_split(50, 1)
    model = network()
    train_side_by_side({"net": model}, train, SHORT)
    statistics = channel_statistics(train.images)
    with torch.no_grad():
        logits = model.eval()(normalize(test.images, statistics.mean, statistics.std))
    wrong = (logits.argmax(1) != test.labels).float().mean().item()
    assert errors({"net": model.train()}, test, train)["net"] == pytest.approx(wrong)
