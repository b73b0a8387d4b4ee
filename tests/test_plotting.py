"""The figures: labelled axes, the palette, an opaque ground."""

import re
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import pytest
import torch
from samples import noise_images

from resnet_helpers import plotting

ROOT = Path(__file__).resolve().parents[1]
matplotlib.use("Agg")


@pytest.fixture(autouse=True)
def style():
    with plt.rc_context():
        plotting.use_style()
        yield
    plt.close("all")


def test_the_pages_have_the_palette_of_the_figures():
    names = {"plain": plotting.PLAIN, "residual": plotting.RESIDUAL, "third": plotting.GREEN}
    assert list(names.values()) == ["#D55E00", "#0072B2", "#009E73"]  # Okabe and Ito
    sheet = (ROOT / "resnet_helpers" / "figures" / "figures.css").read_text()
    for name, color in names.items():
        ((light, dark),) = re.findall(rf"--{name}: light-dark\((#\w{{6}}), (#\w{{6}})\);", sheet)
        assert light == color.lower() != dark, name


def test_figures_have_an_opaque_ground():
    figure = plotting.plot_history({"train": [1], "val": [1]}, {"train": [0], "val": [0]})
    assert figure.get_facecolor() == (1, 1, 1, 1)


def test_history_shows_training_and_validation_against_the_epoch():
    losses, metrics = {"train": [2.0, 1.0], "val": [2.1, 1.5]}, {"train": [0, 1], "val": [0, 0.5]}
    left, right = plotting.plot_history(losses, metrics).axes
    for axis, history in ((left, losses), (right, metrics)):
        for line, part in zip(axis.lines, ("train", "val"), strict=True):
            assert line.get_xdata().tolist() == [1, 2]
            assert line.get_ydata().tolist() == history[part]
            assert line.get_color() == plotting.RESIDUAL
        assert [line.get_linestyle() for line in axis.lines] == ["-", "--"]
        assert axis.get_xlabel() == "epoch"
        assert [text.get_text() for text in axis.get_legend().texts] == ["training", "validation"]
    assert (left.get_ylabel(), right.get_ylabel()) == ("mean loss (nats)", "accuracy")


def test_images_are_shown_with_their_titles():
    images = torch.randint(0, 256, (5, 3, 6, 6)).to(torch.uint8)
    figure = plotting.show_images(images, titles=list("abcde"), columns=3)
    assert len(figure.axes) == 6
    for axis, image, title in zip(figure.axes, images, "abcde", strict=False):
        assert axis.get_title() == title
        assert (axis.images[0].get_array() == image.permute(1, 2, 0).numpy()).all()
    assert not any(axis.axison for axis in figure.axes)
    assert len(plotting.show_images(images[:2]).axes) == 2  # no empty columns


def test_images_can_have_axes_that_number_their_pixels():
    axes = plotting.show_images(noise_images(4), columns=3, pixel_axes=True).axes
    assert [axis.axison for axis in axes] == [True] * 4 + [False] * 2
    assert (axes[3].get_xlabel(), axes[3].get_ylabel()) == ("column (pixels)", "row (pixels)")
    assert axes[1].get_ylabel() == ""  # only at the grid's edges


@pytest.mark.parametrize(
    ("images", "titles", "error", "message"),
    [
        (torch.randn(2, 3, 6, 6), None, TypeError, r"unnormalize\(\) turns normalised floats back"),
        (noise_images(2), ["one"], ValueError, "1 titles for 2 images: expected one for each"),
        (noise_images(0), None, ValueError, "images=0: expected a whole number of at least 1"),
    ],
)
def test_what_cannot_be_shown_is_named_with_the_way_out(images, titles, error, message):
    with pytest.raises(error, match=message):
        plotting.show_images(images, titles)


def test_panels_of_errors_are_in_per_cent_and_a_loss_comes_first_in_nats():
    figure, (left, right) = plotting.error_axes("training error", loss="loss (nats)", top=0.9)
    left.plot([1, 2, 3], [2.0, 1.0, 0.5])
    right.plot([1, 2, 3], [0.8, 0.5, 0.3])
    figure.canvas.draw()
    assert [axis.get_ylabel() for axis in (left, right)] == ["loss (nats)", "training error"]
    assert [axis.get_xlabel() for axis in (left, right)] == ["epoch", "epoch"]
    assert left.get_ylim()[1] > 2 and right.get_ylim() == (0, 0.9)
    for axis in (left, right):
        assert all(tick == int(tick) for tick in axis.get_xticks())
    shares = [text.get_text() for text in right.get_yticklabels()]
    assert (shares[0], shares[-1]) == ("0%", "90%")
    assert not any("%" in text.get_text() for text in left.get_yticklabels())


def test_panels_of_errors_alone():
    _, axes = plotting.error_axes("training error", "test error", xlabel="minutes")
    assert [axis.get_ylabel() for axis in axes] == ["training error", "test error"]
    assert {axis.get_xlabel() for axis in axes} == {"minutes"}
    assert {axis.get_ylim() for axis in axes} == {(0, 1)}


def test_the_line_of_chance_has_its_height_and_its_name():
    axis = plt.subplots()[1]
    plotting.chance(axis, 0.9, "a guess")
    (line,), (text,) = axis.lines, axis.texts
    assert set(line.get_ydata()) == {0.9} and list(line.get_xdata()) == [0, 1]
    assert (text.get_text(), text.xy) == ("a guess", (1, 0.9))


def test_confusion_matrix_shows_every_count_in_its_place():
    counts = torch.tensor([[5, 1], [0, 7]])
    axis = plotting.plot_confusion(counts, ["cat", "dog"]).axes[0]
    shown = {text.get_position(): text.get_text() for text in axis.texts}
    assert shown == {(0, 0): "5", (1, 0): "1", (0, 1): "0", (1, 1): "7"}
    assert axis.get_ylabel() == "what it is"
    assert [text.get_text() for text in axis.get_yticklabels()] == ["cat", "dog"]
    # On a dark ground, and on it alone, the number is white.
    assert [text.get_color() for text in axis.texts] == ["white", "black", "black", "white"]


def test_on_a_slide_a_confusion_matrix_of_ten_classes_has_legible_letters(tmp_path):
    names = ["airplane", "monkey", *"cdefghij"]
    figure = plotting.plot_confusion(torch.full((10, 10), 162), names)
    figure.savefig(tmp_path / "drawn.svg")
    box = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', (tmp_path / "drawn.svg").read_text())
    width, height = map(float, box.groups())
    assert plt.rcParams["font.size"] * min(1184 / width, 590 / height) >= 18


def test_a_confusion_matrix_of_other_classes_is_refused():
    with pytest.raises(ValueError, match=r"counts of shape \(2, 2\): .* each of the 3 classes"):
        plotting.plot_confusion([[1, 0], [0, 1]], ["cat", "dog", "horse"])


def test_a_band_runs_from_the_lowest_to_the_highest_curve_around_their_mean():
    axis = plt.subplots()[1]
    plotting.draw_band(axis, [1, 2], [[1.0, 5.0], [2.0, 3.0], [6.0, 4.0]], color=plotting.PLAIN)
    (line,) = axis.lines
    assert line.get_ydata().tolist() == [3.0, 4.0]
    (band,) = axis.collections
    corners = {tuple(point) for point in band.get_paths()[0].vertices.tolist()}
    assert {(1, 1), (1, 6), (2, 3), (2, 5)} <= corners
