"""The playground: its numbers are PyTorch's, its pages train, and its answers hold."""

import itertools
import json
import random
import re
import shutil
import subprocess
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from browsing import link_to
from figures.playground_in_pytorch import Net, train
from playwright.sync_api import expect
from torch import nn

from resnet_helpers.figures.base import HERE
from resnet_helpers.figures.playground import DEPTHS, MEASURED, RATES, WIDTHS, Playground

FOLDER = Path(__file__).parent
DATA = ("spirals", "moons", "circles", "noise")
DEFAULT = {
    "depth": 40, "width": 12, "rate": 0.05, "norm": True, "zero": False, "points": "spirals",
    "seed": 0,
}  # fmt: skip
# The longest frame in milliseconds, while it trains or in two seconds in which nothing happens.
FRAMES = """async (what) => {
    if (what === "train") document.querySelector('[data-action="train"]').click();
    let [longest, last] = [0, performance.now()];
    const end = last + 2000;
    const done = () => (what === "train"
        ? document.querySelector(".rh-readout").textContent.includes("400 steps") : last > end);
    while (!done()) {
        await new Promise(requestAnimationFrame);
        const now = performance.now();
        [longest, last] = [Math.max(longest, now - last), now];
    }
    return longest;
}"""
# Ways in which a page may have no worker: the name is missing, or the worker fails later.
NO_WORKERS = (
    "() => { window.Worker = undefined; }",
    """() => {
        window.Worker = class {
            constructor() { setTimeout(() => this.onerror(new Event("error"))); }
            postMessage() {}
            terminate() {}
        };
    }""",
)


@pytest.fixture(scope="module")
def node():
    path = shutil.which("node")
    if path is None:
        pytest.skip("no node on this machine: it runs the page's code for the comparison")
    return path


class Scale(nn.Module):
    """γ x + β: what is left of a batch norm that doesn't normalise."""

    def __init__(self, width):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.bias = nn.Parameter(torch.zeros(width))

    def forward(self, x):
        return x * self.weight + self.bias


def traces(node, requests):
    """The page's own steps for each request, as tensors of float64."""
    script = FOLDER / "playground_traces.mjs"
    asked = json.dumps([{"settings": s, "steps": steps} for s, steps in requests])
    ran = subprocess.run([node, script], input=asked, capture_output=True, text=True, check=True)
    for trace in json.loads(ran.stdout):
        floats = {
            name: torch.tensor(trace[name], dtype=torch.float64)
            for name in ("points", "losses", "values", "slopes")
        }
        floats["points"] = floats["points"].view(2, -1).T
        whole = {name: torch.tensor(trace[name]) for name in ("labels", "batches")}
        yield SimpleNamespace(**floats, **whole)


def network(settings):
    """PyTorch's network, and its parameters in the page's order: W, γ, β of each layer in turn."""
    norm = nn.BatchNorm1d if settings["norm"] else Scale
    net = Net(settings["depth"], settings["width"], settings["residual"], norm).double()
    layers = [p for part in (net.first, *net.blocks) for p in part.parameters()]
    # The page keeps a γ for the last layer, too, which stays 1.
    return net, [*layers, net.last.weight, torch.ones(2, dtype=torch.float64), net.last.bias]


def put(parameters, numbers):
    """Give PyTorch's network the page's numbers."""
    with torch.no_grad():
        for old, new in zip(
            parameters, numbers.split([p.numel() for p in parameters]), strict=True
        ):
            old.copy_(new.view_as(old))


def compare(settings, trace, each_step):
    """The largest differences of losses, and of gradients' lengths by layer, relative to each.

    With ``each_step`` every step begins with the page's numbers; else only the first does.
    """
    net, parameters = network(settings)
    put(parameters, trace.values[0])
    sizes = [p.numel() for p in parameters]
    losses, lengths = [], []

    def seen(step, loss):
        losses.append(abs(loss.item() - trace.losses[step].item()))
        ours = trace.slopes[step].split(sizes)
        for p, slopes in zip(parameters[::3], ours[::3], strict=True):  # the Ws
            far = (p.grad.norm() - slopes.norm()).abs() / (slopes.norm() + 1e-12)
            lengths.append(far.item())

    if each_step:
        for step in range(len(trace.losses)):
            put(parameters, trace.values[step])
            net.zero_grad()
            batch = trace.batches[step]
            loss = nn.functional.cross_entropy(net(trace.points[batch]), trace.labels[batch])
            loss.backward()
            seen(step, loss)
    else:
        train(net, trace.points, trace.labels, trace.batches, settings["rate"], seen)
    return max(losses), max(lengths)


@pytest.mark.parametrize("changed", [{"residual": True}, {"residual": False, "depth": 8}])
def test_the_first_fifty_losses_are_pytorchs(node, changed):
    settings = DEFAULT | changed
    (trace,) = traces(node, [(settings, 50)])
    loss, length = compare(settings, trace, each_step=False)
    assert loss < 1e-9 and length < 1e-9


def test_each_of_the_first_fifty_steps_of_the_plain_network_is_pytorchs(node):
    # From the page's numbers before that step: the plain network of 40 layers makes differences
    # grow about a hundredfold a step, and PyTorch's own rounding is such a difference.
    settings = DEFAULT | {"residual": False}
    (trace,) = traces(node, [(settings, 50)])
    loss, length = compare(settings, trace, each_step=True)
    assert loss < 1e-9 and length < 1e-6


def test_pytorch_differs_from_itself_as_much_where_the_plain_network_is_deep(node):
    # The same batches, their points in another order: one sum is rounded otherwise.
    settings = DEFAULT | {"residual": False}
    (trace,) = traces(node, [(settings, 50)])
    both = []
    for batches in (trace.batches, trace.batches.flip(1)):
        net, parameters = network(settings)
        put(parameters, trace.values[0])
        both.append([])
        keep = both[-1].append
        train(net, trace.points, trace.labels, batches, 0.05, lambda _, loss, keep=keep: keep(loss))
    first, second = (torch.stack(losses).detach() for losses in both)
    differences = (first - second).abs()
    assert differences[0] < 1e-9 and differences.max() > 1e-3


def test_at_every_depth_random_settings_step_as_pytorch_does(node):
    rng = random.Random(0)
    requests = [
        {
            "depth": depth, "width": rng.choice(WIDTHS), "rate": rng.choice(RATES),
            "norm": rng.random() < 0.6, "zero": rng.random() < 0.4, "points": rng.choice(DATA),
            "seed": rng.randrange(10), "residual": residual,
        }
        for depth in DEPTHS
        for residual in (False, True)
    ]  # fmt: skip
    for settings, trace in zip(requests, traces(node, [(s, 2) for s in requests]), strict=True):
        loss, length = compare(settings, trace, each_step=True)
        assert loss < 1e-9 * trace.losses.abs().max().clamp(min=1), settings
        assert length < 1e-6, settings


def test_the_plain_and_the_residual_network_start_alike_and_see_the_same(node):
    plain, residual = traces(node, [(DEFAULT | {"residual": r}, 2) for r in (False, True)])
    assert torch.equal(plain.values[0], residual.values[0])
    assert torch.equal(plain.batches, residual.batches)
    assert torch.equal(plain.points, residual.points)


def test_a_step_moves_the_numbers_as_sgd_with_momentum_does(node):
    settings = DEFAULT | {"residual": True, "depth": 8}
    (trace,) = traces(node, [(settings, 60)])
    net, parameters = network(settings)
    put(parameters, trace.values[0])
    train(net, trace.points, trace.labels, trace.batches, settings["rate"])
    ends = torch.cat([p.detach().flatten() for p in parameters])
    assert (ends - trace.values[-1]).abs().max() < 1e-9


@pytest.mark.parametrize("name", ["playground", "playground_answers"])
def test_node_tests_the_mathematics_and_the_five_answers(node, name):
    ran = subprocess.run(
        [node, "--test", FOLDER / f"{name}.test.mjs"], capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stdout[-3000:]


def test_it_is_less_than_four_hundred_lines():
    files = ("playground.js", "playground_math.js")
    assert sum((HERE / name).read_text().count("\n") for name in files) < 400


def errors(page):
    """Both errors in %, as the page says them."""
    return [
        float(page.locator(f'[data-readout="{kind}-error"]').inner_text().removesuffix("\u00a0%"))
        for kind in ("plain", "residual")
    ]


def finish(page, timeout=120_000):
    readout = page.locator(".rh-readout")
    expect(readout).to_contain_text("400 steps", timeout=timeout)
    return readout.inner_text()


def button(page, name):
    return page.get_by_role("button", name=name, exact=True)


def curves(page):
    lines = page.locator(".rh-stage polyline")
    return lines.evaluate_all("all => all.map((line) => line.getAttribute('points'))")


def test_without_a_worker_it_trains_all_the_same(show_figure):
    drawn = []
    for way in ("() => {}", *NO_WORKERS):
        page = show_figure(Playground(depth=4))
        page.evaluate(way)
        button(page, "Train both").click()
        finish(page)
        drawn.append(curves(page))
    assert drawn[0] == drawn[1] == drawn[2]


def test_the_default_networks_end_far_apart_and_a_guess_is_compared(show_figure):
    page = show_figure(Playground(), motion="reduce")
    guess = page.get_by_label("It ends at")
    guess.fill("7")
    button(page, "Train both").click()
    said = finish(page)
    plain, residual = errors(page)
    assert plain > 10 and residual < 2
    assert f"{plain:.1f}\u00a0% of the points wrong" in said
    assert f"You said 7\u00a0%: {plain - 7:.1f} points too low" in said
    assert guess.input_value() == "7" and guess.is_disabled()
    button(page, "Start again").click()
    assert guess.is_enabled() and "not trained yet" in page.locator(".rh-readout").inner_text()


def test_it_pauses_goes_on_and_takes_single_steps(show_figure):
    page = show_figure(Playground(depth=8))
    button(page, "One step").click()
    readout = page.locator(".rh-readout")
    expect(readout).to_have_text("Step 1 of 400.")
    button(page, "Go on").press("Enter")
    page.wait_for_function("document.querySelectorAll('polyline')[0].points.numberOfItems > 8")
    button(page, "Pause").press("Enter")
    stopped = readout.inner_text()
    assert re.fullmatch(r"Step \d+ of 400\.", stopped)
    page.wait_for_timeout(300)
    assert readout.inner_text() == stopped
    button(page, "Go on").click()
    finish(page)
    in_parts = errors(page)
    button(page, "Train both").click()
    finish(page)
    assert errors(page) == in_parts


def test_a_change_begins_anew(show_figure):
    page = show_figure(Playground(depth=8), motion="reduce")
    button(page, "One step").click()
    error = page.locator('[data-readout="plain-error"]')
    expect(error).to_contain_text("%")
    page.get_by_label("layers").press("ArrowLeft")
    assert error.inner_text() == "–"
    assert "4 layers, twice" in page.locator(".rh-title").inner_text()


def test_a_sweep_draws_its_dots_and_can_be_stopped(show_figure):
    page = show_figure(Playground())
    button(page, "Sweep depth").click()
    page.wait_for_function("document.querySelectorAll('.rh-stage circle').length >= 6")
    button(page, "Stop").click()
    assert page.locator(".rh-readout").inner_text() == "The sweep was stopped."
    dots = page.locator(".rh-stage circle").count()
    page.wait_for_timeout(500)
    assert page.locator(".rh-stage circle").count() == dots < 36


def test_a_sweep_ends_with_the_mean_errors_of_both(show_figure):
    page = show_figure(Playground(depth=2))  # which has no block, so that both are one network
    button(page, "Sweep rate").click()
    readout = page.locator(".rh-readout")
    expect(readout).to_contain_text("% wrong.", timeout=120_000)
    assert page.locator(".rh-stage circle").count() == 36
    rates, plain, residual = re.fullmatch(
        r"learning rate (.*): plain (.*); residual (.*) % wrong\.",
        readout.inner_text().replace("\u00a0", " "),
    ).groups()
    assert rates == "0.01, 0.02, 0.05, 0.1, 0.2, 0.3"
    assert plain == residual and len(plain.split(", ")) == 6


def test_an_experiment_sets_the_figure_up(show_figure):
    page = show_figure(Playground(), motion="reduce")
    for experiment in Playground().data["experiments"]:
        folded = page.locator(".rh-fold > summary", has_text=experiment["question"])
        folded.click()
        for words, settings in experiment["settings"]:
            fold = folded.locator("..")
            fold.get_by_role("button", name=words, exact=True).click()
            assert f"{settings['depth']} layers, twice" in page.locator(".rh-title").inner_text()
            wanted = link_to(Playground(**settings))
            button(page, "Link to this state").click()
            assert page.evaluate("location.hash.slice(1)") == wanted


def test_a_link_carries_the_guess(show_figure):
    figure = Playground(guess=12)
    page = show_figure(Playground(), link=link_to(figure))
    assert page.get_by_label("It ends at").input_value() == "12"


ENDS = """
import { readFileSync } from "node:fs";
const { mathematics } = await import(process.argv[1]);
const { answer, STEPS } = mathematics();
function end(settings) {
    const work = answer({ settings, to: STEPS, look: false });
    for (;;) {
        const { done, value } = work.next();
        if (done) return 100 * value.error;
    }
}
console.log(JSON.stringify(JSON.parse(readFileSync(0, "utf8")).map(end)));
"""


def run_ends(node, settings):
    """The errors in % at which the page's code ends with each of these settings."""
    command = [node, "--input-type=module", "-e", ENDS, (HERE / "playground_math.js").as_uri()]
    ran = subprocess.run(
        command, input=json.dumps(settings), capture_output=True, text=True, check=True
    )
    return json.loads(ran.stdout)


@pytest.fixture
def slowness(node):
    """How slow this machine is just now: 1 where node trains two of 20 layers in 1.5 seconds."""
    asked = [DEFAULT | {"depth": 20, "residual": residual} for residual in (False, True)]
    started = time.monotonic()
    run_ends(node, asked)
    return max(1, (time.monotonic() - started) / 1.5)


@pytest.mark.timing
def test_forty_layers_train_within_ten_seconds_and_frames_stay_short(show_figure, slowness):
    """Once in three trainings: a neighbour may hold up a frame."""

    def keeps_up():
        page = show_figure(Playground())
        idle = page.evaluate(FRAMES, "2 s")
        started = time.monotonic()
        longest = page.evaluate(FRAMES, "train")
        seconds = time.monotonic() - started
        print(f"{seconds:.1f} s, frames {longest:.0f} ms, idle {idle:.0f} ms; {slowness:.1f}")
        return seconds < 10 * slowness and longest < max(50, 3 * idle) * slowness

    assert any(keeps_up() for _ in range(3))


@pytest.mark.timing
def test_a_sweep_of_depth_takes_less_than_a_minute(show_figure, slowness):
    """Networks of 4, 8, 16 and 24 layers have a third of all layers: 52 of 156."""
    page = show_figure(Playground())
    started = time.monotonic()
    button(page, "Sweep depth").click()
    dots = "() => document.querySelectorAll('.rh-stage circle').length >= 24"
    page.wait_for_function(dots, timeout=600_000)
    whole = 3 * (time.monotonic() - started)
    button(page, "Stop").click()
    print(f"sweep of depth: {whole:.1f} s; {slowness:.1f}")
    assert whole < 60 * slowness


def test_the_still_shows_what_the_pages_code_measures(node):
    # A seed of each depth. Not at 24 layers, where a plain network may or may not get there:
    # another engine's rounding decides. Nor to the last point, for the same reason.
    told = [
        (DEFAULT | {"residual": kind == "residual", "depth": depth, "seed": seed}, errors[seed])
        for kind, ends in MEASURED.items()
        for seed, (depth, errors) in zip(itertools.cycle(range(3)), ends.items(), strict=False)
        if depth != 24
    ]
    ran = run_ends(node, [settings for settings, _ in told])
    for (settings, error), now in zip(told, ran, strict=True):
        assert now < 2 if error < 2 else now > 10, (settings, error, now)
