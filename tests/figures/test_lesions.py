"""The lesion lab: what the page answers is what PyTorch answers, whichever blocks are off."""

import functools
import json
import random
import re

import pytest
import torch
from browsing import follow, link_to
from PIL import Image

from resnet_helpers.data import load
from resnet_helpers.figures import lesions
from resnet_helpers.figures.base import read
from resnet_helpers.figures.lesions import BLOCKS, KINDS, SIZE, LesionLab
from resnet_helpers.networks import cifar_plain, cifar_resnet
from resnet_helpers.transforms import normalize

# Logits of the first 50 pictures, by the page's own code, for pairs of a kind and a setting.
LOGITS = """([data, cases]) => {
    const { bytes, logits, network, pictureOf } = mathematics();
    const pictures = bytes(data.pictures);
    return cases.map(([kind, off]) => {
        const net = network(data.networks[kind], data);
        return Array.from({ length: 50 }, (_, i) =>
            logits(net, off, pictureOf(pictures, i, data.side), data));
    });
}"""
BOTH_ERRORS = """(data) => ["plain", "residual"].map((kind) => {
    const work = mathematics().answer({ data, kind, off: 0 });
    for (;;) {
        const { done, value } = work.next();
        if (done) return value;
    }
})"""
SENTENCE = r"\w+: (\w+) \((.*)\s%\)(?:, (\w+))?\. Over 200 pictures: (.*)\s%"
MATHEMATICS = read("lesions_math.js").replace("export ", "")


def trained_a_little(build):
    """A network whose norms have met pictures, so that no layer's number is left as it starts."""
    torch.manual_seed(0)
    net = build(20, width=8)
    images = torch.randn(64, 3, SIZE, SIZE)
    for _ in range(30):
        net(images)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter += 0.1 * torch.randn(parameter.shape) * parameter.std().nan_to_num(0.1)
    return net


@pytest.fixture(scope="module")
def both():
    # A lab measures its networks' errors: once for all labs of these tests.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lesions, "_prepared", functools.cache(lesions._prepared))
        yield {"plain": trained_a_little(cifar_plain), "residual": trained_a_little(cifar_resnet)}


@pytest.fixture(scope="module")
def test_pictures():
    return load("sample", image_size=SIZE).test


def by_pytorch(lab, kind, off, images):
    with torch.no_grad():
        return lab.without(kind, off)(normalize(images, lab.data["mean"], lab.data["std"]))


def said_of(page):
    """What the page says of both networks, once it has measured."""
    page.wait_for_function("!document.querySelector('.rh-readout').textContent.includes('…')")
    said = page.locator(".rh-readout .rh-line").all_inner_texts()
    return [re.match(SENTENCE, sentence).groups() for sentence in said]


def expected_of(lab, kind, off, picture, pictures):
    logits = by_pytorch(lab, kind, off, pictures.images[:200])
    likely = logits[picture].softmax(0)
    best = likely.argmax().item()
    error = (logits.argmax(1) != pictures.labels[:200]).float().mean().item()
    right = "right" if best == pictures.labels[picture] else "wrong"
    return lab.data["classes"][best], f"{100 * likely[best]:.1f}", right, f"{100 * error:.1f}"


def test_the_pages_networks_are_those_that_were_given_but_for_16_bits(both, test_pictures):
    lab = LesionLab(**both)
    x = normalize(test_pictures.images[:50], lab.data["mean"], lab.data["std"])
    for kind, net in both.items():
        with torch.no_grad():
            there = net.eval()(x)
        here = by_pytorch(lab, kind, 0, test_pictures.images[:50])
        assert (here - there).abs().max() < 0.02 * there.abs().max()


def test_the_pictures_are_test_pictures_of_every_class_alike(test_pictures):
    assert test_pictures.labels[:200].bincount().tolist() == [20] * 10


def test_a_network_of_another_size_is_refused():
    with pytest.raises(ValueError, match="plain: expected cifar_plain20 of width 8"):
        LesionLab(plain=cifar_plain(8, width=8))
    with pytest.raises(ValueError, match="residual: expected cifar_resnet20 of width 8"):
        LesionLab(residual=cifar_resnet(20, width=16))


@pytest.mark.browser
def test_logits_are_pytorchs_for_fifty_pictures_and_twenty_settings(both, browser, test_pictures):
    lab = LesionLab(**both)
    rng = random.Random(0)
    cases = [(rng.choice(list(KINDS)), rng.randrange(2 ** len(BLOCKS))) for _ in range(20)]
    page = browser.new_page()
    page.add_script_tag(content=MATHEMATICS)
    data = json.loads(json.dumps(lab.data))
    for (kind, off), given in zip(cases, page.evaluate(LOGITS, [data, cases]), strict=True):
        right = by_pytorch(lab, kind, off, test_pictures.images[:50])
        assert (torch.tensor(given) - right).abs().max() < 1e-4, (kind, off)
    page.close()


@pytest.mark.browser
def test_answer_probability_and_error_follow_the_switches(both, show_figure, test_pictures):
    lab = LesionLab(**both)
    page = show_figure(lab)
    rng = random.Random(1)
    for _ in range(2):
        setting = {"picture": rng.randrange(200), "plain_off": rng.randrange(1, 64)}
        now = LesionLab(**both, **setting, residual_off=rng.randrange(1, 64))
        follow(page, link_to(now))
        offs = now.plain_off, now.residual_off
        right = [
            expected_of(lab, kind, off, now.picture, test_pictures)
            for kind, off in zip(KINDS, offs, strict=True)
        ]
        assert said_of(page) == right


@pytest.mark.browser
def test_a_switch_takes_its_own_block_out(both, show_figure, test_pictures):
    lab = LesionLab(**both)
    page = show_figure(lab)
    page.get_by_label("residual, conv3_x, 3").focus()
    page.keyboard.press("Space")
    plain, residual = said_of(page)
    assert plain == expected_of(lab, "plain", 0, lab.picture, test_pictures)
    assert residual == expected_of(lab, "residual", 8, lab.picture, test_pictures)


@pytest.mark.browser
@pytest.mark.timing
def test_two_hundred_pictures_through_both_networks_take_two_seconds_of_a_core(both, browser):
    """Seconds of the processor, not of the clock, so that a busy machine changes little."""
    data = json.loads(json.dumps(LesionLab(**both).data))
    page = browser.new_page()
    page.add_script_tag(content=MATHEMATICS)
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")

    def seconds():
        metrics = session.send("Performance.getMetrics")["metrics"]
        return next(each["value"] for each in metrics if each["name"] == "ProcessTime")

    before = seconds()
    errors = page.evaluate(BOTH_ERRORS, data)
    assert seconds() - before < 2
    assert errors == [data["networks"][kind]["errors"]["0"] for kind in KINDS]
    page.close()


@pytest.mark.browser
def test_a_dropped_picture_is_answered(both, show_figure, tmp_path):
    lab = LesionLab(**both)
    page = show_figure(lab)
    path = tmp_path / "mine.png"
    Image.new("RGB", (SIZE * 30, SIZE * 24), (200, 40, 90)).save(path)
    page.get_by_label("or a picture of yours").set_input_files(path)
    page.get_by_text("Your picture").wait_for()
    flat = torch.tensor([200, 40, 90], dtype=torch.uint8)[:, None, None].expand(1, 3, SIZE, SIZE)
    for kind, (best, likely, right, _) in zip(KINDS, said_of(page), strict=True):
        answer = by_pytorch(lab, kind, 0, flat)[0].softmax(0)
        assert best == lab.data["classes"][answer.argmax()] and right is None
        assert likely == f"{100 * answer.max():.1f}"
    path.write_text("no picture")
    page.get_by_label("or a picture of yours").set_input_files(path)
    page.get_by_text("can’t be read as a picture").wait_for()


@pytest.mark.browser
def test_a_drawn_picture_is_answered_and_the_slider_brings_the_others_back(both, show_figure):
    page = show_figure(LesionLab(**both))
    page.get_by_role("button", name="Draw on a blank sheet").click()
    blank = page.locator(".rh-stage").inner_html()
    box = page.locator("canvas").bounding_box()
    x, y = box["x"] + box["width"] / 4, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + box["width"] / 2, y + 10, steps=5)
    page.mouse.up()
    assert page.locator(".rh-stage").inner_html() != blank
    page.get_by_role("slider", name="picture").press("ArrowRight")
    assert page.get_by_text("Picture 44, of the class").is_visible()


@pytest.mark.browser
def test_an_untouched_page_has_pythons_errors_and_computes_none(both, show_figure):
    lab = LesionLab(**both)
    page = show_figure(lab)
    for kind, told in zip(KINDS, said_of(page), strict=True):
        assert told[3] == f"{100 * lab.data['networks'][kind]['errors'][0]:.1f}"
    assert page.workers == []
