"""The figures: labelled axes, the palette, an opaque ground."""

import matplotlib
import matplotlib.pyplot as plt
import pytest
import torch

from resnet_helpers import plotting

matplotlib.use("Agg")


@pytest.fixture(autouse=True)
def style():
    with plt.rc_context():
        plotting.use_style()
        yield
    plt.close("all")


def test_the_palette_is_okabe_and_itos():
    assert (plotting.PLAIN, plotting.RESIDUAL) == ("#D55E00", "#0072B2")


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
        assert axis.get_xlabel() == "epoch"
    assert (left.get_ylabel(), right.get_ylabel()) == ("mean loss (nats)", "accuracy")


def test_images_are_shown_with_their_titles():
    images = torch.randint(0, 256, (5, 3, 6, 6)).to(torch.uint8)
    figure = plotting.show_images(images, titles=list("abcde"), columns=3)
    assert len(figure.axes) == 6
    for axis, image, title in zip(figure.axes, images, "abcde", strict=False):
        assert axis.get_title() == title
        assert (axis.images[0].get_array() == image.permute(1, 2, 0).numpy()).all()


def test_normalised_images_are_refused_with_the_way_out():
    with pytest.raises(TypeError, match=r"unnormalise\(\) turns normalised floats back"):
        plotting.show_images(torch.randn(2, 3, 6, 6))


def test_confusion_matrix_shows_every_count_in_its_place():
    counts = torch.tensor([[5, 1], [0, 7]])
    axis = plotting.plot_confusion(counts, ["cat", "dog"]).axes[0]
    shown = {text.get_position(): text.get_text() for text in axis.texts}
    assert shown == {(0, 0): "5", (1, 0): "1", (0, 1): "0", (1, 1): "7"}
    assert axis.get_ylabel() == "what it is"


def test_a_band_runs_from_the_lowest_to_the_highest_curve_around_their_mean():
    axis = plt.subplots()[1]
    plotting.draw_band(axis, [1, 2], [[1.0, 5.0], [2.0, 3.0], [6.0, 4.0]], color=plotting.PLAIN)
    (line,) = axis.lines
    assert line.get_ydata().tolist() == [3.0, 4.0]
    (band,) = axis.collections
    corners = {tuple(point) for point in band.get_paths()[0].vertices.tolist()}
    assert {(1, 1), (1, 6), (2, 3), (2, 5)} <= corners
