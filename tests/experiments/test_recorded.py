"""The recorded runs that the chapters show: whole, of one schedule, and they say what is told."""

import dataclasses
import re

import pytest

from resnet_helpers.experiments import recordings
from resnet_helpers.networks import cifar_plain, cifar_resnet, count_parameters
from resnet_helpers.training import load_weights

NAME = "degradation-cifar10"
RECORDED = recordings.load_recording(NAME)


def final_training_error(network, depth, seed):
    return RECORDED[network, depth, seed]["curve"][-1]["error"]


SEEDS = [seed for network, depth, seed in RECORDED if (network, depth) == ("plain", 56)]


@pytest.mark.parametrize("seed", SEEDS)
def test_the_deeper_plain_network_has_the_higher_training_error(seed):
    assert final_training_error("plain", 56, seed) > final_training_error("plain", 20, seed)


@pytest.mark.parametrize("seed", SEEDS)
def test_with_shortcuts_the_same_depth_has_a_lower_training_error(seed):
    assert final_training_error("residual", 56, seed) < final_training_error("plain", 56, seed)


@pytest.mark.parametrize("seed", SEEDS)
def test_resnet56_passes_75_percent_on_test(seed):
    assert RECORDED["residual", 56, seed]["history"][-1]["test_error"] < 0.25


def test_every_run_is_whole_and_of_the_settings_in_the_code():
    planned = {(s.network, s.depth, s.seed): s for s in recordings.RECORDINGS[NAME].runs}
    for key, run in RECORDED.items():
        settings = planned[key]
        assert run["settings"] == dataclasses.asdict(settings)
        assert len(run["history"]) == settings.epochs
        assert run["curve"][-1]["seen"] == settings.epochs * run["provenance"]["training_images"]
        assert set(run["gradient_norms"]) == {str(e) for e in range(settings.epochs + 1)}
        for row in run["history"]:
            assert 0 < row["train_error"] < 0.9 and 0 < row["test_error"] < 0.9


def test_plain_and_residual_runs_come_in_pairs_with_equal_parameters():
    build = {"plain": cifar_plain, "residual": cifar_resnet}
    for (network, depth, seed), run in RECORDED.items():
        twin = RECORDED["residual" if network == "plain" else "plain", depth, seed]
        assert run["parameters"] == twin["parameters"] == count_parameters(build[network](depth))


def test_all_runs_saw_the_same_images_and_say_where_they_come_from():
    made = [run["provenance"] for run in RECORDED.values()]
    assert {p["digest"] for p in made} == {made[0]["digest"]}
    assert {(p["training_images"], p["test_images"]) for p in made} == {(50_000, 10_000)}
    for provenance in made:
        assert provenance["data"] == recordings.RECORDINGS[NAME].source
        assert provenance["seconds"] > 0
        assert re.fullmatch(r"\d{4}-\d\d-\d\d", provenance["date"])
        assert re.fullmatch(r"[0-9a-f]{7,}", provenance["commit"])


def test_the_kept_weights_are_those_of_a_resnet56():
    for name in recordings.RECORDINGS[NAME].checkpoints:
        model = load_weights(cifar_resnet(56), recordings.RECORDED / NAME / f"{name}.safetensors")
        assert count_parameters(model) == 853_018
        assert all(p.isfinite().all() for p in model.parameters())
