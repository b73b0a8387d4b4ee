"""The notes' functions, against PyTorch's own sums and against what the notes got wrong."""

import math
from functools import partial
from types import SimpleNamespace

import pytest
import torch
from torch import nn
from torch.optim.lr_scheduler import ReduceLROnPlateau, StepLR
from torch.utils.data import DataLoader, TensorDataset

from resnet_helpers import training
from resnet_helpers.data import BatchLoader, Split
from resnet_helpers.training import (
    confusion_matrix,
    get_lr,
    load_weights,
    loss_batch,
    loss_epoch,
    mean_lr,
    metric_batch,
    optimizer_for,
    predict,
    save_weights,
    schedule_by_steps,
    stairs,
    train_val,
    triangle,
)

SUM = nn.CrossEntropyLoss(reduction="sum")


def make_split(n=50, seed=0):
    """Images whose class is the channel that is brightest: learnable in a few steps."""
    generator = torch.Generator().manual_seed(seed)
    images = torch.randint(0, 100, (n, 3, 4, 4), generator=generator)
    labels = torch.arange(n) % 3
    images[torch.arange(n), labels] += 100
    return Split(images.to(torch.uint8), labels)


def to_float(images):
    return images.float() / 255 - 0.5


def make_model(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(16, 3)
    )


def make_params(tmp_path, model, **changes):
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    return {
        "num_epochs": 4,
        "optimizer": optimizer,
        "loss_func": SUM,
        "train_dl": BatchLoader(make_split(), 8, to_float, shuffle=True),
        "val_dl": BatchLoader(make_split(30, seed=1), 8, to_float),
        "sanity_check": False,
        "lr_scheduler": ReduceLROnPlateau(optimizer),
        "path2weights": tmp_path / "weights.safetensors",
    } | changes


# the notes' functions


def test_get_lr_is_one_number_or_one_for_each_differing_group():
    a, b = nn.Parameter(torch.zeros(1)), nn.Parameter(torch.zeros(1))
    assert get_lr(torch.optim.SGD([a, b], lr=0.1)) == 0.1
    groups = [{"params": [a], "lr": 0.1}, {"params": [b], "lr": 0.2}]
    assert get_lr(torch.optim.SGD(groups)) == [0.1, 0.2]


def test_the_rate_rises_to_its_highest_and_falls_to_zero():
    shares = [triangle(progress, 0.2) for progress in (0, 0.1, 0.2, 0.6, 1)]
    assert shares == pytest.approx([0, 0.5, 1, 0.5, 0])


def test_by_stairs_the_rate_falls_to_a_tenth_halfway_and_to_a_hundredth_at_three_quarters():
    shares = [stairs(progress) for progress in (0, 0.49, 0.5, 0.74, 0.75, 1)]
    assert shares == [1, 1, 0.1, 0.1, 0.01, 0.01]


def test_the_optimizer_moves_its_schedule_on():
    model = make_model()
    opt = torch.optim.SGD(model.parameters(), lr=2.0)
    schedule_by_steps(opt, 10, partial(triangle, warm_up=0.2))
    rates = []
    for _ in range(10):
        rates.append(get_lr(opt))
        opt.step()
    assert rates == pytest.approx([0, 1, 2, 1.75, 1.5, 1.25, 1, 0.75, 0.5, 0.25])


@pytest.mark.parametrize("nesterov", [True, False])
def test_a_step_on_the_summed_loss_is_sgds_on_the_mean_loss(nesterov):
    recipe = SimpleNamespace(
        optimizer="sgd",
        learning_rate=0.3,
        batch_size=8,
        momentum=0.9,
        nesterov=nesterov,
        weight_decay=0.1,
    )
    models = make_model(), make_model()
    ours = optimizer_for(models[0], recipe)
    theirs = torch.optim.SGD(models[1].parameters(), 0.3, 0.9, weight_decay=0.1, nesterov=nesterov)
    assert mean_lr(ours, recipe) == pytest.approx(0.3)
    for images, labels in list(BatchLoader(make_split(32), 8, to_float)):
        loss_batch(SUM, models[0](images), labels, ours)
        loss_batch(nn.CrossEntropyLoss(), models[1](images), labels, theirs)
    for a, b in zip(models[0].parameters(), models[1].parameters(), strict=True):
        assert torch.allclose(a, b, rtol=1e-4, atol=1e-5)


def test_a_step_of_adam_is_that_of_the_mean_loss_with_the_same_decay():
    recipe = SimpleNamespace(optimizer="adam", learning_rate=0.01, batch_size=8, weight_decay=0.5)
    models = make_model().double(), make_model().double()
    ours = optimizer_for(models[0], recipe)
    theirs = torch.optim.Adam(models[1].parameters(), 0.01, weight_decay=0.5)
    assert mean_lr(ours, recipe) == 0.01
    for images, labels in list(BatchLoader(make_split(32), 8, to_float)):
        loss_batch(SUM, models[0](images.double()), labels, ours)
        loss_batch(nn.CrossEntropyLoss(), models[1](images.double()), labels, theirs)
    for a, b in zip(models[0].parameters(), models[1].parameters(), strict=True):
        assert torch.allclose(a, b, rtol=1e-3, atol=1e-5)


def test_metric_batch_counts_right_answers():
    output = torch.tensor([[2.0, 1.0], [0.0, 3.0], [5.0, 4.0]])
    assert metric_batch(output, torch.tensor([0, 1, 1])) == 2


def test_loss_batch_measures_without_and_learns_with_an_optimiser():
    model = nn.Linear(2, 2)
    x, y = torch.randn(5, 2), torch.tensor([0, 1, 0, 1, 1])
    before = model.weight.detach().clone()
    loss, metric = loss_batch(SUM, model(x), y)
    assert loss == pytest.approx(nn.functional.cross_entropy(model(x), y).item() * 5, rel=1e-5)
    assert metric == (model(x).argmax(1) == y).sum()
    assert torch.equal(model.weight, before)

    opt = torch.optim.SGD(model.parameters(), lr=0.1)
    gradient = torch.autograd.grad(SUM(model(x), y), model.weight)[0]
    loss_batch(SUM, model(x), y, opt)
    assert torch.allclose(model.weight, before - 0.1 * gradient)

    # The next step uses its own gradient alone, not the sum of both.
    before = model.weight.detach().clone()
    gradient = torch.autograd.grad(SUM(model(x), y), model.weight)[0]
    loss_batch(SUM, model(x), y, opt)
    assert torch.allclose(model.weight, before - 0.1 * gradient)


@pytest.mark.parametrize("batch_size", [1, 7, 50])
def test_loss_epoch_is_the_mean_over_all_images_whatever_the_batches(batch_size):
    split, model = make_split(), make_model().eval()
    logits = model(to_float(split.images))
    loss, accuracy = loss_epoch(model, SUM, BatchLoader(split, batch_size, to_float))
    expected = nn.functional.cross_entropy(logits, split.labels).item()
    assert loss == pytest.approx(expected, rel=1e-5)
    assert accuracy == pytest.approx((logits.argmax(1) == split.labels).float().mean().item())


def test_sanity_check_divides_by_what_it_saw():
    split, model = make_split(), make_model().eval()
    first = split.images[:8], split.labels[:8]
    logits = model(to_float(first[0]))
    loss, accuracy = loss_epoch(model, SUM, BatchLoader(split, 8, to_float), sanity_check=True)
    assert loss == pytest.approx(nn.functional.cross_entropy(logits, first[1]).item(), rel=1e-5)
    assert accuracy == (logits.argmax(1) == first[1]).float().mean()


def test_loss_epoch_takes_a_pytorch_dataloader_too():
    split, model = make_split(), make_model().eval()
    loader = DataLoader(TensorDataset(to_float(split.images), split.labels), batch_size=8)
    ours = loss_epoch(model, SUM, BatchLoader(split, 8, to_float))
    assert loss_epoch(model, SUM, loader) == pytest.approx(ours)


@pytest.mark.parametrize("learn", [True, False])
def test_loss_epoch_shows_each_step(learn):
    split, model = make_split(20), make_model()
    opt = torch.optim.SGD(model.parameters(), lr=0.01) if learn else None
    steps = []
    loss, accuracy = loss_epoch(
        model, SUM, BatchLoader(split, 8, to_float), opt=opt, after_step=steps.append
    )
    assert [(step.index, len(step.images)) for step in steps] == [(0, 8), (1, 8), (2, 4)]
    for step in steps:
        assert SUM(step.logits, step.labels).item() == step.loss
        assert metric_batch(step.logits, step.labels) == step.right
    assert sum(step.loss for step in steps) / 20 == loss
    assert sum(step.right for step in steps) / 20 == accuracy


def test_an_averaging_loss_is_refused():
    with pytest.raises(ValueError, match="reduction='mean': expected 'sum'"):
        loss_epoch(make_model(), nn.CrossEntropyLoss(), BatchLoader(make_split(), 8, to_float))


def test_an_empty_loader_is_refused():
    with pytest.raises(ValueError, match="yields no batch"):
        loss_epoch(make_model(), SUM, [])


# train_val


def test_train_val_returns_the_notes_three_things(tmp_path, capsys):
    model = make_model()
    returned, losses, metrics = train_val(model, make_params(tmp_path, model))
    assert returned is model
    for history in (losses, metrics):
        assert set(history) == {"train", "val"}
        assert [len(history[part]) for part in ("train", "val")] == [4, 4]
    assert losses["train"][-1] < losses["train"][0]
    assert metrics["train"][-1] > 0.6
    assert all(0 <= share <= 1 for part in metrics.values() for share in part)
    assert len(capsys.readouterr().out.splitlines()) == 5


def test_train_val_prints_no_progress_bar_where_output_is_kept(tmp_path, capsys):
    model = make_model()
    train_val(model, make_params(tmp_path, model))
    assert capsys.readouterr().err == ""


def test_the_best_weights_are_on_disk_and_in_the_model_at_the_end(tmp_path):
    model = make_model()
    # A negative rate climbs the loss: the third and the fourth epoch undo what was learned.
    params = make_params(tmp_path, model)
    params["lr_scheduler"] = StepLR(params["optimizer"], step_size=2, gamma=-2)
    model, losses, _ = train_val(model, params)
    best = min(losses["val"])
    assert losses["val"][-1] > 2 * best
    assert loss_epoch(model.eval(), SUM, params["val_dl"])[0] == pytest.approx(best, rel=1e-5)
    reread = load_weights(make_model(seed=9), params["path2weights"]).eval()
    assert loss_epoch(reread, SUM, params["val_dl"])[0] == pytest.approx(best, rel=1e-5)


def test_validation_moves_neither_weights_nor_running_statistics(tmp_path):
    model = make_model()
    params = make_params(tmp_path, model, num_epochs=1)
    params["train_dl"] = BatchLoader(make_split(), 8, to_float)
    params["optimizer"] = torch.optim.SGD(model.parameters(), lr=0.0)
    params["lr_scheduler"] = StepLR(params["optimizer"], 1)
    expected = make_model().train()
    for images, _ in params["train_dl"]:
        expected(images)
    train_val(model, params)
    for (name, a), b in zip(
        model.state_dict().items(), expected.state_dict().values(), strict=True
    ):
        assert torch.equal(a, b), name


def test_the_plateau_scheduler_sees_the_validation_loss(tmp_path):
    model = make_model()
    params = make_params(tmp_path, model, num_epochs=3)
    params["optimizer"] = torch.optim.SGD(model.parameters(), lr=0.0)
    params["lr_scheduler"] = ReduceLROnPlateau(params["optimizer"], patience=0)
    seen = []
    params["lr_scheduler"].step = seen.append
    losses = train_val(model, params)[1]
    assert seen == losses["val"]


def test_the_same_seeds_give_the_same_history(tmp_path):
    runs = []
    for _ in range(2):
        model = make_model()
        runs.append(train_val(model, make_params(tmp_path, model))[1:])
    assert runs[0] == runs[1]


def test_sanity_check_sees_one_batch_an_epoch(tmp_path):
    model = make_model()
    seen = []
    model.register_forward_pre_hook(lambda module, inputs: seen.append(len(inputs[0])))
    train_val(model, make_params(tmp_path, model, sanity_check=True, num_epochs=2))
    assert seen == [8, 8, 8, 8]


@pytest.mark.parametrize("name", training.PARAMS)
def test_a_missing_parameter_is_named(tmp_path, name):
    params = make_params(tmp_path, make_model())
    del params[name]
    with pytest.raises(ValueError, match=f"params lacks {name}: expected num_epochs, optimizer"):
        train_val(make_model(), params)


def test_bad_params_are_named_before_training_starts(tmp_path):
    model = make_model()
    with pytest.raises(ValueError, match="num_epochs=0: expected at least 1"):
        train_val(model, make_params(tmp_path, model, num_epochs=0))
    with pytest.raises(ValueError, match=r"'w.bin': expected a name ending in .safetensors or .pt"):
        train_val(model, make_params(tmp_path, model, path2weights="w.bin"))


def test_a_loss_that_is_no_longer_finite_stops_and_keeps_the_best(tmp_path):
    model = make_model()
    params = make_params(tmp_path, model)
    params["lr_scheduler"] = StepLR(params["optimizer"], step_size=1, gamma=math.inf)
    with pytest.raises(FloatingPointError, match=r"epoch 2: the loss is no longer finite .* tenth"):
        train_val(model, params)
    best = load_weights(make_model(seed=9), params["path2weights"])
    assert all(torch.isfinite(p).all() for p in best.parameters())


@pytest.mark.parametrize("suffix", [".safetensors", ".pt"])
def test_weights_come_back_as_they_were(tmp_path, suffix):
    model = make_model().to(memory_format=torch.channels_last)
    save_weights(model, tmp_path / f"w{suffix}")
    other = load_weights(make_model(seed=1), tmp_path / f"w{suffix}")
    for a, b in zip(model.state_dict().values(), other.state_dict().values(), strict=True):
        assert torch.equal(a, b)


def test_a_failed_save_keeps_the_weights_that_stood_there(tmp_path, monkeypatch):
    path = tmp_path / "w.safetensors"
    save_weights(make_model(), path)
    before = path.read_bytes()

    def fill_disk(weights, beside, metadata):
        beside.write_bytes(b"half")
        raise OSError("No space left on device")

    monkeypatch.setattr(training.safetensors.torch, "save_file", fill_disk)
    with pytest.raises(OSError, match="No space left"):
        save_weights(make_model(seed=1), path)
    assert path.read_bytes() == before


def test_the_confusion_matrix_has_a_row_for_each_class_and_a_column_for_each_answer():
    answers, labels = torch.tensor([0, 2, 2, 1, 2, 0]), torch.tensor([0, 0, 2, 1, 1, 0])
    logits = nn.functional.one_hot(answers, 4).float()  # nobody answers with the fourth class
    expected = [[2, 0, 1, 0], [0, 1, 1, 0], [0, 0, 1, 0], [0, 0, 0, 0]]
    assert confusion_matrix(logits, labels).tolist() == expected


@pytest.mark.parametrize("mode", [True, False])
def test_predict_is_evaluation_and_leaves_the_mode(mode):
    split, model = make_split(), make_model()
    expected = model.eval()(to_float(split.images))
    model.train(mode)
    logits, labels = predict(model, BatchLoader(split, 8, to_float))
    assert torch.allclose(logits, expected, atol=1e-6)
    assert torch.equal(labels, split.labels)
    assert model.training is mode
