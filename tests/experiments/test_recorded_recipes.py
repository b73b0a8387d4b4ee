"""The recorded recipes of chapter 6: whole, of the code's settings, and they show what is told."""

import dataclasses

import pytest

from resnet_helpers.experiments import recordings
from resnet_helpers.experiments.recipe import PRESETS, Preset, build_network
from resnet_helpers.networks import count_parameters

NAME = "recipes-imagenette96"
RECORDED = recordings.load_recording(NAME)
PLANNED = {run.key: run.preset for run in recordings.RECORDINGS[NAME].runs}
SEEDS = (0, 1)


def rows(recipe, seed):
    return RECORDED[recipe, seed]["history"]


def best(recipe, seed, seconds=float("inf")):
    return max(r["val_accuracy"] for r in rows(recipe, seed) if r["seconds"] <= seconds)


@pytest.mark.parametrize("seed", SEEDS)
def test_in_the_notes_time_the_books_recipe_is_four_points_better(seed):
    notes_seconds = rows("notes-recipe-resnet18", seed)[-1]["seconds"]
    theirs = best("notes-recipe-resnet18", seed)
    assert best("book-recipe-resnet18", seed, notes_seconds) - theirs >= 0.04


@pytest.mark.parametrize("seed", SEEDS)
def test_a_short_plan_reaches_the_notes_best_in_sixty_percent_of_their_time(seed):
    notes_seconds = rows("notes-recipe-resnet18", seed)[-1]["seconds"]
    theirs = best("notes-recipe-resnet18", seed)
    assert best("book-recipe-resnet18-6-epochs", seed, 0.6 * notes_seconds) >= theirs


def test_the_baseline_is_the_notes_preset_on_a_smaller_network_and_size():
    notes = dataclasses.asdict(PRESETS["notes"])
    changed = {"network", "image_size", "epochs", "threads", "seed"}
    for seed in SEEDS:
        settings = RECORDED["notes-recipe-resnet18", seed]["settings"]
        assert {name for name in notes if settings[name] != notes[name]} <= changed


def test_each_ablation_differs_from_the_recipe_in_one_ingredient():
    whole = dataclasses.asdict(PLANNED["book-recipe-resnet18", 0])
    of_sgd = {"optimizer", "learning_rate", "weight_decay", "schedule"}
    for (recipe, seed), preset in PLANNED.items():
        if "-without-" in recipe:
            given = dataclasses.asdict(dataclasses.replace(preset, seed=0))
            changed = {name for name in whole if given[name] != whole[name]}
            assert len(changed) == 1 or changed == of_sgd, (recipe, seed)


@pytest.mark.parametrize("key", RECORDED, ids=lambda key: f"{key[0]}-seed{key[1]}")
def test_a_run_is_whole_of_the_codes_settings_and_says_where_it_comes_from(key):
    run = RECORDED[key]
    preset = Preset(**run["settings"])
    assert preset == PLANNED[key]
    assert [row["epoch"] for row in run["history"]] == list(range(1, preset.epochs + 1))
    losses = [row["val_loss"] for row in run["history"]]
    assert run["best_epoch"] == 1 + losses.index(min(losses))
    assert run["parameters"] == count_parameters(build_network(preset, 10))
    counts = run["test"]["confusion"]
    assert sum(map(sum, counts)) == 3925
    right = sum(counts[k][k] for k in range(10))
    assert run["test"]["accuracy"] == pytest.approx(right / 3925, rel=1e-12)
    made = run["provenance"]
    assert made["images"] == {"train": 4000, "validation": 1000, "test": 3925}
    assert made["threads"] == 1 and made["data"] == recordings.RECORDINGS[NAME].source
    assert made["digest"] == RECORDED["notes-recipe-resnet18", 0]["provenance"]["digest"]
