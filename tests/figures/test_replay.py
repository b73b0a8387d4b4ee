"""The training replay: it shows what was recorded, by slider, by click, by play and by link."""

import base64
import io
import itertools
import json
import re

import numpy as np
import pytest
import torch
from browsing import follow
from PIL import Image
from torch.nn import functional as F

from resnet_helpers import transforms
from resnet_helpers.data import load
from resnet_helpers.experiments import load_recording
from resnet_helpers.experiments.recipe import BOOK, NOTES
from resnet_helpers.experiments.recorded import RECORDED
from resnet_helpers.experiments.recordings import RECORDINGS
from resnet_helpers.figures import replay
from resnet_helpers.figures.replay import EPOCHS, RECIPES, RECORDING, TrainingReplay


@pytest.fixture(scope="module")
def figure():
    return TrainingReplay()


@pytest.fixture(scope="module")
def recorded():
    return {recipe: run for (recipe, _), run in load_recording(RECORDING).items()}


def expected(figure, epoch):
    lines = [f"Epoch {epoch} of {EPOCHS}."]
    for recipe, (words, _) in RECIPES.items():
        v = figure.values(recipe, epoch)
        lines.append(
            f"By {words}: loss {v['train_loss']:.3f} in training, {v['val_loss']:.3f} in "
            f"validation; accuracy {100 * v['train_accuracy']:.1f} % and "
            f"{100 * v['val_accuracy']:.1f} %; learning rate {v['learning_rate']} at the start; "
            f"{v['right']} of 9 test pictures right."
        )
    return lines


def said(page):
    return page.locator(".rh-readout span").all_inner_texts()


def columns(page):
    """What is shown of each recipe first, and what may be looked up of it."""
    return [page.locator(f'.rh-column[data-recipe="{i}"]') for i in (0, 1)]


def look_up(page, what):
    page.locator("summary", has_text=what).click()


# the recording


def test_the_recorded_settings_are_the_two_recipes(recorded):
    notes, book = recorded["notes-recipe"]["settings"], recorded["book-recipe"]["settings"]
    for settings, recipe in ((notes, NOTES), (book, BOOK)):
        for name in ("optimizer", "learning_rate", "schedule", "label_smoothing"):
            assert settings[name] == getattr(recipe, name), name
    for name in ("network", "image_size", "epochs", "seed", "threads"):
        assert notes[name] == book[name], name
    assert (notes["network"], notes["image_size"], notes["epochs"]) == ("cifar_resnet14", 32, 12)


def test_the_confusion_counts_give_the_validation_accuracy_of_every_epoch(recorded):
    for run in recorded.values():
        for row, seen in zip(run["history"], run["watched"], strict=True):
            counts = np.array(seen["confusion"])
            assert counts.sum() == run["provenance"]["images"]["validation"] == 1250
            assert counts.trace() / counts.sum() == pytest.approx(row["val_accuracy"])


def test_the_recorded_files_and_the_figures_state_are_small(figure):
    for run in RECORDINGS[RECORDING].runs:
        path = RECORDED / RECORDING / f"{run.file}.json"
        assert path.stat().st_size < 60_000
    assert len(json.dumps(figure.state())) < 60_000


# what Python computes


def test_the_pictures_are_the_first_nine_test_images_as_the_network_saw_them(figure):
    test = load("sample").test
    assert figure.data["truth"] == test.labels[:9].tolist()
    for source, image in zip(
        figure.data["images"], transforms.resize(test.images[:9], 32), strict=True
    ):
        head, _, data = source.partition(",")
        assert head == "data:image/png;base64"
        shown = np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))
        assert np.array_equal(shown, image.permute(1, 2, 0).numpy())


def test_the_right_answers_and_the_mistake_are_counted_from_the_recording(figure, recorded):
    for recipe, run in recorded.items():
        for epoch, seen in enumerate(run["watched"], start=1):
            values = figure.values(recipe, epoch)
            assert values["right"] == (np.array(seen["answers"]) == np.arange(9)).sum()
            wrong = np.array(seen["confusion"])
            np.fill_diagonal(wrong, 0)
            true, answer, count = values["mistake"]
            assert count == wrong.max() == wrong[true, answer]


def test_the_words_about_the_recipes_have_the_recorded_numbers(recorded):
    for recipe, run in recorded.items():
        settings, words = run["settings"], replay.ABOUT[recipe]
        assert f"{settings['batch_size']} pictures a step" in words
        assert f" {settings['learning_rate']:g} " in words
    patience = recorded["notes-recipe"]["settings"]["patience"]
    assert f"after {patience + 1} epochs" in replay.ABOUT["notes-recipe"]
    smoothing = recorded["book-recipe"]["settings"]["label_smoothing"]
    wrong = smoothing / 10
    logits = torch.tensor([[1 - 9 * wrong, *[wrong] * 9]]).log()
    least = F.cross_entropy(logits, torch.tensor([0]), label_smoothing=smoothing).item()
    assert replay.ABOUT["book-recipe"].endswith(f"can't fall below {least:.2f}.")


def test_rates_are_written_without_an_exponent():
    numbers = (0.2, 0.001, 1e-5, 0.0833333, 0.0)
    assert [replay._decimal(n) for n in numbers] == ["0.2", "0.001", "0.00001", "0.083", "0"]


def test_the_still_picture_shows_what_its_words_say(figure, recorded):
    notes, book = (recorded[recipe]["history"] for recipe in RECIPES)
    rises = [
        [epoch for epoch, (a, b) in enumerate(itertools.pairwise(h), 2) if b > a]
        for h in ([row["val_loss"] for row in history] for history in (notes, book))
    ]
    assert {5, 8} <= set(rises[0]) and max(rises[1]) <= 3
    jumps = [5, 8]
    assert [
        e for e in rises[0] if notes[e - 1]["val_loss"] > notes[e - 2]["val_loss"] + 0.1
    ] == jumps
    assert notes[3]["val_accuracy"] > book[3]["val_accuracy"]
    assert notes[11]["val_accuracy"] < book[11]["val_accuracy"]
    drawn = figure.still()
    for axis in drawn.axes:
        assert [line.get_linestyle() for line in axis.lines] == ["-", "--"]
        low, high = axis.get_ylim()
        assert all(low <= y <= high for line in axis.lines for y in line.get_ydata())


def test_of_two_probabilities_that_are_equal_when_rounded_the_answers_comes_first():
    seen = {"answers": [2], "probabilities": [[0.1, 0.4, 0.4, 0.06, 0.04]]}
    (top,) = replay._top(seen)
    assert top == [[2, 0.4, "0.40"], [1, 0.4, "0.40"], [0, 0.1, "0.10"]]


# the page


def test_the_readout_says_pythons_numbers_of_every_epoch_by_keyboard(show_figure, figure):
    page = show_figure(figure)
    page.get_by_label("epoch").focus()
    for key, epochs in (("ArrowRight", range(1, EPOCHS)), ("ArrowLeft", range(EPOCHS, 1, -1))):
        for epoch in epochs:
            assert said(page) == expected(figure, epoch)
            page.keyboard.press(key)
    assert said(page) == expected(figure, 1)


def test_the_slider_follows_the_mouse(show_figure, figure):
    page = show_figure(figure)
    slider = page.get_by_label("epoch")
    box = slider.bounding_box()
    for share, epoch in ((0.99, 12), (0.01, 1), (0.5, None)):
        page.mouse.click(box["x"] + share * box["width"], box["y"] + box["height"] / 2)
        now = int(slider.input_value()) + 1
        assert now == (epoch or now)
        assert said(page) == expected(figure, now)


def test_a_click_into_the_curves_goes_to_that_epoch(show_figure, figure):
    page = show_figure(figure)
    for place, label in ((0, "1"), (1, "7"), (0, "12")):
        column = columns(page)[place]
        tick = column.locator(".rh-axes").nth(2).get_by_text(label, exact=True).bounding_box()
        plot = column.locator("polyline").first.bounding_box()
        page.mouse.click(tick["x"] + tick["width"] / 2, plot["y"] + 5)
        assert said(page) == expected(figure, int(label))


def test_the_pictures_show_the_three_highest_probabilities_and_a_verdict(
    show_figure, figure, recorded
):
    page = show_figure(figure)
    look_up(page, "Six more pictures")
    for epoch in (5, 12, 1):
        follow(page, f"figure-replay?epoch={epoch}")
        for column, recipe in zip(columns(page), RECIPES, strict=True):
            seen = recorded[recipe]["watched"][epoch - 1]
            groups = column.locator(".rh-watched").all()
            assert len(groups) == 9
            for truth, group in enumerate(groups):
                row = np.array(seen["probabilities"][truth])
                name, verdict, *answers = re.split(r"\s*\n\s*", group.inner_text())
                shown = [figure.data["classes"].index(word) for word in answers[::2]]
                assert name == figure.data["classes"][truth]
                assert shown[0] == seen["answers"][truth]
                assert verdict == ("✓ right" if shown[0] == truth else "✗ wrong")
                assert row[shown].tolist() == sorted(row, reverse=True)[:3]
                assert answers[1::2] == [f"{p:.2f}" for p in row[shown]]
                bars = group.locator(".rh-bar").all()
                widths = [float(bar.get_attribute("style")[9:-2]) for bar in bars]
                assert np.allclose(np.divide(widths, widths[0]), row[shown] / row[shown[0]])
            right = column.get_by_text("✓ right").count()
            assert right == figure.values(recipe, epoch)["right"]


def test_the_matrix_shows_the_recorded_counts_after_every_change(show_figure, figure, recorded):
    page = show_figure(figure)
    look_up(page, "Confusion matrix")
    page.get_by_label("epoch").focus()
    for epoch in (1, 2, 3):
        for column, recipe in zip(columns(page), RECIPES, strict=True):
            counts = np.array(recorded[recipe]["watched"][epoch - 1]["confusion"])
            texts = column.locator("tr [style]").all_text_contents()
            assert [int(text or 0) for text in texts] == counts.flatten().tolist()
            caption = column.locator("caption").inner_text()
            assert f"{counts.trace()} of 1,250 validation pictures right" in caption
            true, answer, count = figure.values(recipe, epoch)["mistake"]
            classes = figure.data["classes"]
            words = f"{classes[true]} taken for {classes[answer]}, {count} times"
            assert page.get_by_text(words).count() >= 1
        page.keyboard.press("ArrowRight")


def test_play_goes_to_the_last_epoch_and_stops_by_itself(show_figure, figure):
    page = show_figure(figure, locale="en")  # a page of its own, which keeps its clock
    page.clock.install()
    page.get_by_role("button", name="Play").click()
    page.clock.run_for(3 * 700 + 100)
    assert said(page) == expected(figure, 4)
    page.clock.run_for(60_000)
    assert said(page) == expected(figure, EPOCHS)
    page.get_by_role("button", name="Play").click()  # once more, from the beginning
    assert said(page) == expected(figure, 1)
    page.get_by_role("button", name="Stop").click()
    page.clock.run_for(5000)
    assert said(page) == expected(figure, 1)


def test_whoever_takes_the_slider_stops_the_play(show_figure, figure):
    page = show_figure(figure, locale="en")  # a page of its own, which keeps its clock
    page.clock.install()
    page.get_by_role("button", name="Play").click()
    page.clock.run_for(800)
    page.get_by_label("epoch").press("End")
    page.get_by_label("epoch").press("ArrowLeft")
    page.clock.run_for(5000)
    assert said(page) == expected(figure, 11)
    assert page.get_by_role("button", name="Play").is_visible()


def test_with_reduced_motion_play_is_a_jump_to_the_end(show_figure, figure):
    page = show_figure(figure, motion="reduce")
    page.get_by_role("button", name="Play").click()
    assert said(page) == expected(figure, EPOCHS)
    assert page.get_by_role("button", name="Play").is_visible()


def test_the_runs_lie_side_by_side_and_their_rows_are_in_line(show_figure, figure):
    page = show_figure(figure)
    curves = [column.locator(".rh-stage").bounding_box() for column in columns(page)]
    assert curves[0]["y"] == curves[1]["y"]
    assert curves[0]["x"] + curves[0]["width"] < curves[1]["x"]
    assert not page.get_by_role("group", name="recipe", exact=True).is_visible()


def test_a_phone_shows_one_recipe_at_a_time(show_figure, figure):
    page = show_figure(figure, width=360)
    stages = [column.locator(".rh-stage") for column in columns(page)]
    assert [stage.is_visible() for stage in stages] == [True, False]
    page.get_by_label("the book’s").check()
    assert [stage.is_visible() for stage in stages] == [False, True]
    assert stages[1].locator("polyline").count() == 4


def test_the_slider_is_at_hand_wherever_one_looks(show_figure, figure):
    page = show_figure(figure, width=360)
    look_up(page, "Confusion matrix")
    for place in (".rh-stage", ".rh-pictures", ".rh-confusion"):
        page.locator(place).first.evaluate("part => part.scrollIntoView()")
        box = page.get_by_label("epoch").bounding_box()
        assert 0 <= box["y"] <= 800 - box["height"]
