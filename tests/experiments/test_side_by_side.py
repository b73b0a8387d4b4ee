"""The live experiment: one recipe for all, the same numbers whatever runs beside it."""

from dataclasses import replace

import pytest
import torch
from samples import noise_split

from resnet_helpers.experiments import LIVE, errors, train_side_by_side
from resnet_helpers.networks import cifar_plain, cifar_resnet
from resnet_helpers.transforms import channel_statistics, normalize

SHORT = replace(LIVE, epochs=2, batch_size=16)


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


def test_the_number_of_threads_is_put_back_also_after_an_error():
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    train_side_by_side({"net": network()}, noise_split(70), SHORT)
    assert torch.get_num_threads() == 2
    with pytest.raises(ValueError, match="no images"):
        train_side_by_side({"net": network()}, noise_split(0), SHORT)
    assert torch.get_num_threads() == 2
    torch.set_num_threads(threads)


def test_errors_are_the_share_of_wrong_answers_in_evaluation_mode():
    train, test = noise_split(70), noise_split(50, 1)
    model = network()
    train_side_by_side({"net": model}, train, SHORT)
    statistics = channel_statistics(train.images)
    with torch.no_grad():
        logits = model.eval()(normalize(test.images, statistics.mean, statistics.std))
    wrong = (logits.argmax(1) != test.labels).float().mean().item()
    assert errors({"net": model.train()}, test, statistics_of=train)["net"] == pytest.approx(wrong)
