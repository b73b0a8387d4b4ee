"""Recordings: each run is made once, its file says all of it, and a cut off run goes on."""

import copy
import functools
import json
from dataclasses import asdict, replace

import pytest
import torch
from PIL import Image

from resnet_helpers.data import sample_set
from resnet_helpers.experiments import LIVE, Recipe, load_recording, load_run, provenance_line
from resnet_helpers.experiments import recordings as module
from resnet_helpers.experiments import train as whole
from resnet_helpers.experiments.on_gpu import fit_on_gpu
from resnet_helpers.experiments.recorded import REPLAYED
from resnet_helpers.experiments.recordings import RECORDINGS, Recording, Run, record
from resnet_helpers.networks import cifar_resnet, count_parameters

SMALL = replace(
    LIVE, network="cifar_resnet8", width=2, epochs=3, batch_size=16, crop=1, seed=3, image_size=8
)
TOGETHER = (
    Run("residual-8", SMALL, together=True),
    Run("plain-8", replace(SMALL, network="cifar_plain8"), together=True),
)
QUICK = Recipe("cifar_resnet8", image_size=8, epochs=2, batch_size=16, seed=5, threads=1)
RUNS = (
    Run("quick", QUICK),
    Run("replayed", QUICK, replay=True),
)


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """The name of a folder of noise: 30 + 30 images to learn from, 10 + 10 to test, two classes."""
    root = tmp_path_factory.mktemp("images")
    for split, count in (("train", 30), ("test", 10)):
        for k, name in enumerate(("ant", "bee")):
            folder = root / split / name
            folder.mkdir(parents=True)
            for i in range(count):
                Image.new("RGB", (8, 8), (120 * k + i, 7 * i % 256, 9 * i % 256)).save(
                    folder / f"{i:02}.png"
                )
    return f"folder:{root}"


@pytest.fixture
def tiny(monkeypatch):
    """A recording of small runs, by the name of tiny."""
    recording = Recording("images", "random noise", RUNS)
    monkeypatch.setattr(module, "RECORDINGS", {"tiny": recording})


@pytest.fixture(scope="module")
def made(images, tmp_path_factory):
    """The folder into which all runs of that recording were made, with the cache folder."""
    folder = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "RECORDINGS", {"tiny": Recording("images", "random noise", RUNS)})
        patch.setenv("RESNET_HELPERS_CACHE", str(folder / "cache"))
        record("tiny", images, folder=folder)
    return folder


@pytest.fixture
def together(monkeypatch):
    """A recording that needs a GPU, by the name of tiny, trained on the CPU."""
    recording = Recording("images", "random noise", TOGETHER)
    monkeypatch.setattr(module, "RECORDINGS", {"tiny": recording})
    monkeypatch.setattr(module, "fit_on_gpu", functools.partial(fit_on_gpu, device="cpu"))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "a GPU")


def test_runs_side_by_side_on_a_gpu_say_all_of_themselves(together, images, empty_cache, tmp_path):
    record("tiny", images, folder=tmp_path)
    runs = load_recording("tiny", tmp_path)
    assert list(runs) == [("plain", 8, 3), ("residual", 8, 3)]
    for run, planned in zip(runs.values(), TOGETHER[::-1], strict=True):
        assert run["settings"] == asdict(planned.recipe)
        assert run["parameters"] == count_parameters(cifar_resnet(8, 2, num_classes=2))
        assert len(run["history"]) == 3
        assert set(run["history"][0]) == {"train_loss", "train_error", "test_loss", "test_error"}
        assert list(run["gradient_norms"]) == ["0", "1", "3"]
        assert all(len(norms) == 7 for norms in run["gradient_norms"].values())
        assert run["provenance"]["training_images"] == 60
    assert "2 runs on random noise" in provenance_line(list(runs.values()))
    assert "2 at a time, in float32 on a GPU" in provenance_line(list(runs.values()))


def test_without_a_gpu_it_is_said_before_any_work(together, images, tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(module, "load", None)
    with pytest.raises(ValueError, match="tiny trains on a GPU, and PyTorch finds none"):
        record("tiny", images, folder=tmp_path)


def test_a_whole_training_is_recorded_with_its_choice_and_its_test(made):
    run = load_run("tiny", "quick-seed5", made)
    assert run["settings"] == asdict(QUICK)
    assert len(run["history"]) == 2 and 1 <= run["best_epoch"] <= 2
    assert sum(map(sum, run["test"]["confusion"])) == 20
    assert run["provenance"]["images"] == {"train": 48, "validation": 12, "test": 20}


def test_a_replay_keeps_what_the_network_said_after_each_epoch(made):
    run, twin = (load_run("tiny", f"{name}-seed5", made) for name in ("replayed", "quick"))
    assert list(run) == [*list(twin)[:4], "watched", "provenance", "test"]
    assert run["test"] == twin["test"]  # to be watched changes nothing
    assert len(run["watched"]) == 2
    for row, seen in zip(run["history"], run["watched"], strict=True):
        ant, bee = seen["confusion"]
        assert (sum(ant), sum(bee)) == (6, 6)
        assert row["val_accuracy"] == pytest.approx((ant[0] + bee[1]) / 12)
        assert len(seen["probabilities"]) == REPLAYED
        for answer, probabilities in zip(seen["answers"], seen["probabilities"], strict=True):
            assert probabilities[answer] == max(probabilities)
            assert sum(probabilities) == pytest.approx(1, abs=0.002)
            assert probabilities == [round(p, 3) for p in probabilities]


def test_the_replayed_images_of_the_sample_set_are_of_nine_classes():
    _, labels = sample_set.draw_split("test", count=REPLAYED)
    assert len(set(labels.tolist())) == 9


def test_each_run_says_where_it_comes_from_and_nothing_of_this_machines_folders(made, images):
    runs = load_recording("tiny", made)
    assert list(runs) == [("quick", 5), ("replayed", 5)]
    for run in runs.values():
        provenance = run["provenance"]
        assert provenance["command"] == "python -m resnet_helpers record tiny --data DATA"
        assert provenance["training_images"] == 48
        assert provenance["test_images"] == 20
        for fact in ("date", "commit", "torch", "processor", "data"):
            assert provenance[fact] not in (None, ""), fact
        assert str(made) not in json.dumps(run) and images not in json.dumps(run)
        assert "1 run on random noise" in provenance_line([run])


def test_what_an_unfinished_run_kept_is_gone_when_it_is_recorded(made):
    assert list((made / "cache" / "unfinished" / "tiny").iterdir()) == []


def test_what_is_recorded_is_not_made_again(tiny, made, images, monkeypatch):
    monkeypatch.setattr(module, "load", None)
    record("tiny", images, folder=made)


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.name)
def test_a_run_that_was_cut_off_goes_on_to_the_same_file(
    tiny, made, images, empty_cache, tmp_path, monkeypatch, run
):
    class CutOff(Exception):
        pass

    def broken(*arguments, after_epoch=(), **options):
        return module_fit(*arguments, after_epoch=[*after_epoch, then_cut_off], **options)

    def then_cut_off(model, history):
        if len(history) == 2:
            raise CutOff

    module_fit = whole.fit
    monkeypatch.setattr(whole, "fit", broken)
    with pytest.raises(CutOff):
        record("tiny", images, run.file, tmp_path / "out")
    monkeypatch.setattr(whole, "fit", module_fit)
    record("tiny", images, run.file, tmp_path / "out")
    again, first = (load_run("tiny", run.file, folder) for folder in (tmp_path / "out", made))
    for recorded in (again, first):
        del recorded["provenance"]
        for row in recorded["history"]:
            row.pop("seconds", None)
    assert again == first


def test_only_chooses_runs_by_name(tiny, images, empty_cache, tmp_path):
    record("tiny", images, "qu*", tmp_path / "out")
    assert [p.name for p in (tmp_path / "out" / "tiny").iterdir()] == ["quick-seed5.json"]
    with pytest.raises(ValueError, match=r"no run of tiny fits 'x\*': its runs are quick-seed5"):
        record("tiny", images, "x*", tmp_path / "out")


def test_each_ablation_differs_from_the_recipe_in_one_ingredient():
    planned = {run.name: asdict(run.recipe) for run in RECORDINGS["recipes-imagenette96"].runs}
    whole = planned["book-recipe-resnet18"]
    of_sgd = {"optimizer", "nesterov", "learning_rate", "weight_decay", "schedule"}
    ablations = [name for name in planned if "-without-" in name]
    assert len(ablations) == 5
    for name in ablations:
        changed = {field for field in whole if planned[name][field] != whole[field]}
        assert len(changed) == 1 or changed == of_sgd, name


def test_the_baseline_is_the_notes_recipe_on_a_smaller_network_and_size():
    notes = asdict(module.RECIPES["notes"])
    baseline = asdict(module.NOTES_RECIPE)
    changed = {name for name in notes if baseline[name] != notes[name]}
    assert changed == {"network", "image_size", "epochs", "threads"}


def test_a_recipe_is_never_recorded_under_two_names():
    for recording in RECORDINGS.values():
        assert len({run.recipe for run in recording.runs}) == len(recording.runs)


def test_a_sweep_is_the_live_training_at_each_rate_and_goes_on_where_it_was_cut_off(
    images, tmp_path, monkeypatch
):
    monkeypatch.setenv("RESNET_HELPERS_CACHE", str(tmp_path / "cache"))
    sweep = (0.1, 0.01)
    runs = (Run("residual-8", SMALL, sweep=sweep),)
    monkeypatch.setattr(module, "RECORDINGS", {"tiny": Recording("images", "random noise", runs)})
    whole_sweep = module.train_side_by_side

    def cut_off(models, split, recipe, seed):
        if recipe.learning_rate == 0.01:
            raise KeyboardInterrupt
        return whole_sweep(models, split, recipe, seed)

    monkeypatch.setattr(module, "train_side_by_side", cut_off)
    with pytest.raises(KeyboardInterrupt):
        record("tiny", images, folder=tmp_path)
    asked = []

    def go_on(models, split, recipe, seed):
        asked.append(recipe.learning_rate)
        return whole_sweep(models, split, recipe, seed)

    monkeypatch.setattr(module, "train_side_by_side", go_on)
    record("tiny", images, folder=tmp_path)
    assert asked == [0.01]
    run = load_run("tiny", "residual-8-seed3", tmp_path)
    assert [row["learning_rate"] for row in run["sweep"]] == list(sweep)
    split = module.prepare(SMALL, module.load(images)).train
    for row in run["sweep"]:
        recipe = replace(SMALL, learning_rate=row["learning_rate"])
        module.torch.manual_seed(3)
        expected = whole_sweep({"net": cifar_resnet(8, 2, num_classes=2)}, split, recipe, 3)["net"]
        for name in ("loss", "error"):
            assert row[name] == [round(value, 4) for value in expected[name]]
    assert "3 epochs" in provenance_line([run])


def test_lesions_are_of_the_live_training_block_by_block(images, tmp_path, monkeypatch):
    recipe = replace(SMALL, network="cifar_resnet14")
    runs = (Run("residual-14", recipe, lesions=True),)
    monkeypatch.setattr(module, "RECORDINGS", {"tiny": Recording("images", "random noise", runs)})
    record("tiny", images, folder=tmp_path)
    run = load_run("tiny", "residual-14-seed3", tmp_path)
    split = module.prepare(recipe, module.load(images)).train
    module.torch.manual_seed(3)
    net = cifar_resnet(14, 2, num_classes=2)
    module.train_side_by_side({"net": net}, split, recipe, 3)
    expected = {"whole": net}
    for stage in ("conv2_x", "conv3_x", "conv4_x"):
        cut = copy.deepcopy(net)
        getattr(cut, stage)[1].residual_function[-1].weight.data.zero_()
        getattr(cut, stage)[1].residual_function[-1].bias.data.zero_()
        expected[f"{stage}, 1"] = cut
    wrong = module.errors(expected, split, statistics_of=split)
    # ReLU(0 + x) is x, since what reaches a block has no negative number.
    assert {"whole": run["whole"], **run["without"]} == wrong
