"""The playground: two networks that differ in one +, trained in the page, side by side."""

import matplotlib.pyplot as plt
import traitlets

from resnet_helpers import plotting
from resnet_helpers.figures.base import Figure

DEPTHS = (2, 4, 8, 12, 16, 20, 24, 28, 32, 40, 48, 56, 64)
WIDTHS = (8, 12, 16, 24, 32)
RATES = (0.003, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.3)

# Training errors in % after 400 steps at the default setting, seeds 0 to 2, by depth: measured by
# the page's own code in node 20. Elsewhere the deep plain networks end at other numbers.
MEASURED = {
    "plain": {
        4: (0.0, 0.0, 0.0),
        8: (0.0, 0.0, 0.0),
        16: (0.0, 0.0, 0.0),
        24: (31.3, 1.6, 22.7),
        40: (36.3, 27.7, 33.2),
        64: (31.6, 51.6, 47.3),
    }
}
MEASURED["residual"] = dict.fromkeys(MEASURED["plain"], (0.0, 0.0, 0.0))
TASK = (
    "Both networks start with the same numbers and see the same batches of these 256 points. "
    "They learn to tell the filled points from the rings. The right one also adds the input of "
    "each block to its output. Guess first: how many points will the left one have wrong?"
)
LIMITS = (
    "What this is not: these networks have no convolutions and see no photographs. Their points "
    "are easy: with 4 layers both networks separate them, and only depth makes it hard. The "
    "likeness to the book's networks ends without batch norm: at this learning rate both kinds "
    "then fail with most seeds, from 20 layers on. And a deep plain network enlarges each "
    "rounding error, so your browser may end at another number than ours. With the seeds 0 to 9 "
    "we had 19 % to 43 %, in Node, Chromium and Firefox."
)
EXPERIMENTS = [
    {
        "question": "Is it the learning rate?",
        "predict": "Perhaps the plain network only needs smaller steps, or larger ones. Which of "
        "these rates will save it? Sweep rate tries six.",
        "settings": [["0.003", {"rate": 0.003}], ["0.01", {"rate": 0.01}], ["0.2", {"rate": 0.2}]],
        "answer": "None of the seven that we tried, from 0.003 to 0.3. With 40 layers and "
        "each of the seeds 0 to 4, the plain network ended with at least 20 % wrong. The residual "
        "one ended at 0.0 % up to a rate of 0.2. At 0.3 it, too, failed with three of the five "
        "seeds. The + doesn't make every rate work. It makes many of them work.",
    },
    {
        "question": "Does width save the plain one?",
        "predict": "More numbers in each layer, and the same 40 layers. Does the plain network "
        "come down to 0 % with a width of 24, or of 32?",
        "settings": [["width 8", {"width": 8}], ["24", {"width": 24}], ["32", {"width": 32}]],
        "answer": "It helps, and it doesn't save it. Over the seeds 0 to 4 the plain network ended "
        "between 22 % and 43 % with a width of 8, between 19 % and 33 % with 24, and between 5 % "
        "and 21 % with 32, which costs about seven times the parameters of 12. The residual one "
        "needed a width of 12 to end at 0.0 % with all seeds.",
    },
    {
        "question": "Which layers have a gradient?",
        "predict": "Take one step and look at the gradient's length by layer. A common "
        "explanation says that in a deep network the first layers get none. Do they?",
        "settings": [["40 layers", {"depth": 40}], ["8 layers", {"depth": 8}]],
        "answer": "They do. In the plain network of 40 layers the gradients grow towards the first "
        "layer. At the first step, with each of the seeds 0 to 4, the first layer's was at least "
        "800 times as long as the last one's, and the longest 1,000 to 17,000 times as long as "
        "the shortest. In the residual network that last ratio was 18 to 210. Nothing vanishes. "
        "But one learning rate has to serve all layers, and none can serve layers so unlike.",
    },
    {
        "question": "What does γ = 0 change?",
        "predict": "With γ = 0 in each block's last batch norm, a block begins with F(x) = 0. "
        "What is a residual network then at its first step? And a plain one?",
        "settings": [
            ["γ = 0", {"zero": True}],
            ["γ = 0, no batch norm", {"zero": True, "norm": False, "rate": 0.01}],
            ["γ = 1, no batch norm", {"norm": False, "rate": 0.01}],
        ],
        "answer": "The residual network begins as one of two layers: each block hands on what it "
        "gets. The plain one begins as a constant, and stays one: no gradient passes a 0, and it "
        "ends at 50 %. With batch norm, the residual network needs no γ = 0 at this rate: 0.0 % "
        "either way. Without batch norm, γ = 0 is what saves it. At a rate of 0.01 it ended "
        "at 0.4 % or less with each of the seeds 0 to 4, and at 50 % with γ = 1.",
    },
    {
        "question": "When does the plain one win?",
        "predict": "Find a setting where the + does harm. Think of few layers, of points whose "
        "classes are drawn by lot, and of a sum that grows from block to block.",
        "settings": [
            ["8 layers", {"depth": 8}],
            ["4 layers, noise", {"depth": 4, "points": "noise"}],
            ["no batch norm", {"norm": False, "rate": 0.01}],
        ],
        "answer": "With batch norm it never won clearly. With 8 layers both ended at 0.0 %, seeds "
        "0 to 4. On noise with 4 layers each of them won some seeds, by 4 points of % at most. "
        "Without batch norm and at a rate of 0.01, the residual network of 40 layers only guessed, "
        "50 %, while the plain one ended between 29 % and 50 %. There, each + makes the numbers "
        "larger, and nothing makes them smaller again.",
    },
]


class Playground(Figure):
    """A plain and a residual network learn to tell points of the plane apart (cover, chapter 1).

    Everything is computed in the page, by ``playground_math.js``. A network of ``depth`` weight
    layers, as the book counts them, has one from the plane to ``width`` numbers, blocks of two,
    and one to two logits. For a batch x, with z = W x::

        layer(x) = γ (z − mean) / √(variance + 1e-5) + β    with batch norm; without: γ z + β
        block(x) = relu(layer(relu(layer(x))))              plain
        block(x) = relu(layer(relu(layer(x))) + x)          residual

    A ReLU follows the first layer, too. The last is W x + β, and the mean cross-entropy of its
    softmax is the loss. W starts normally distributed with variance 2 / inputs (He), β = 0, and
    γ = 1; with ``zero``, γ = 0 in each block's second layer. 400 steps of SGD with momentum 0.9
    see batches of 64 of the 256 points, shuffled anew after each four. In step t, from 1, the
    rate is ``rate`` · min(t / 40, (401 − t) / 361).

    An error is the share of all 256 points that a network has wrong. For it, batch norm takes the
    means and variances of all points as one batch, and for the plane those same numbers.
    """

    name = "playground"
    alt = (
        "Training error in the end against the number of layers, 4 to 64. Plain networks end at "
        "0 % with up to 16 layers and at 27 % or more with 40. Residual networks end at 0 % with "
        "each number of layers."
    )
    depth = traitlets.Enum(DEPTHS, 40).tag(sync=True)
    width = traitlets.Enum(WIDTHS, 12).tag(sync=True)
    rate = traitlets.Enum(RATES, 0.05).tag(sync=True)
    norm = traitlets.Bool(True).tag(sync=True)
    zero = traitlets.Bool(False).tag(sync=True)
    points = traitlets.Enum(("spirals", "moons", "circles", "noise"), "spirals").tag(sync=True)
    seed = traitlets.Int(0, min=0, max=9).tag(sync=True)
    guess = traitlets.Int(None, min=0, max=100, allow_none=True).tag(sync=True)

    @traitlets.default("data")
    def _data(self):
        # An experiment begins at the default of whatever it doesn't change.
        names = [name for name in self.allowed if name not in ("seed", "guess")]
        default = {name: self.traits()[name].default_value for name in names}
        experiments = [
            one | {"settings": [[words, default | new] for words, new in one["settings"]]}
            for one in EXPERIMENTS
        ]
        return {"task": TASK, "limits": LIMITS, "experiments": experiments}

    def still(self):
        figure, axis = plt.subplots(figsize=(7, 3.4))
        for kind, colour in (("plain", plotting.PLAIN), ("residual", plotting.RESIDUAL)):
            depths = list(MEASURED[kind])
            runs = zip(*MEASURED[kind].values(), strict=True)
            plotting.draw_band(axis, depths, list(runs), color=colour, marker="o")
            axis.text(65.5, sum(MEASURED[kind][64]) / 3, kind, va="center")
        axis.set(xlabel="layers", ylabel="training error in the end (%)")
        axis.set(xlim=(0, 76), ylim=(-2, 60), xticks=list(MEASURED["plain"]))
        return figure
