"""The lesion lab: two trained networks that answer in the page, with a switch for each block."""

import base64
import functools

import matplotlib.pyplot as plt
import torch
import traitlets
from torch import nn

from resnet_helpers import networks, plotting
from resnet_helpers.analysis import without_block
from resnet_helpers.data import Split, load
from resnet_helpers.experiments import errors
from resnet_helpers.figures.base import Figure
from resnet_helpers.transforms import channel_statistics

DEPTH, WIDTH, SIZE = 20, 8, 16
NAMES = {"plain": f"cifar_plain{DEPTH}", "residual": f"cifar_resnet{DEPTH}"}
PICTURES = 200  # the first of the sample set's test pictures, 20 of each class
CAR = 42  # one that one can make out at 16×16
STAGES = ("conv2_x", "conv3_x", "conv4_x")
# What has a switch: all but a stage's first block, which stands where the shape changes.
BLOCKS = [(stage, i) for stage in STAGES for i in range(1, (DEPTH - 2) // 6)]
KINDS = {"plain": plotting.PLAIN, "residual": plotting.RESIDUAL}
OFF = {"min": 0, "max": 2 ** len(BLOCKS) - 1}  # the sum of 2^k over the blocks k that are off
ABOUT = (
    "A block that is off passes on what it gets: in the residual network the shortcut stays, in "
    "the plain one nothing is left. Nothing is trained in the page. The first block of each stage "
    "has no switch. Pictures: test images of the sample set, at 16×16 pixels; their glyphs are by "
    "OpenMoji, CC BY-SA 4.0."
)


class LesionLab(Figure):
    """A plain and a residual network of 20 layers without some of their blocks (chapter 8).

    State: ``picture`` (0 to 199), and which blocks are off, as ``plain_off`` and
    ``residual_off``: the sum of 2^k over them, where k counts the blocks of ``BLOCKS``.

    Args:
        plain, residual: trained networks, ``cifar_plain(20, width=8)`` and
            ``cifar_resnet(20, width=8)``; by default fresh ones, which guess. The page has copies
            with numbers of 16 bits, which ``networks`` holds.

    Raises:
        ValueError: a network of another size.
    """

    name = "lesions"
    picture = traitlets.Int(CAR, min=0, max=PICTURES - 1).tag(sync=True)
    plain_off = traitlets.Int(0, **OFF).tag(sync=True)
    residual_off = traitlets.Int(0, **OFF).tag(sync=True)

    def __init__(self, plain=None, residual=None, **kwargs):
        fresh = plain is None and residual is None
        self.networks, self._prepared = _of_fresh() if fresh else _prepared(plain, residual)
        super().__init__(**kwargs)

    @traitlets.default("data")
    def _data(self):
        return self._prepared

    @property
    def alt(self):
        """What the still picture shows, in words."""
        said = []
        for kind in KINDS:
            whole, *one_off = (f"{error:.0%}" for error in self._known(kind))
            said.append(f"the {kind} network {whole} whole, then {', '.join(one_off)}")
        return (
            f"Bars: the error over {PICTURES} pictures, with the whole network and with one block "
            f"removed, from the first to the last. {'; '.join(said)}."
        )

    def without(self, kind, off):
        """A copy of a network of the page, without the blocks that ``off`` names."""
        return _without(self.networks[kind], off)

    def _known(self, kind):
        """The errors of the whole network, and of those without one block."""
        return self.data["networks"][kind]["errors"].values()

    def still(self):
        figure, axis = plt.subplots(figsize=(7, 3.4), layout="constrained")
        for shift, (kind, colour) in zip((-0.2, 0.2), KINDS.items(), strict=True):
            places = [k + shift for k in range(len(BLOCKS) + 1)]
            axis.bar(places, [100 * error for error in self._known(kind)], 0.36, color=colour)
            axis.plot([], [], "s", color=colour, label=kind)
        names = [f"{stage}\nblock {i + 1}" for stage, i in BLOCKS]
        axis.set_xticks(range(len(BLOCKS) + 1), ["none", *names], fontsize=9)
        axis.set(xlabel="the block that is removed", ylabel="error (%)", ylim=(0, 110))
        axis.legend(loc="upper right", ncols=2)
        return figure


@functools.cache
def _of_fresh():
    return _prepared(None, None)


def _prepared(plain, residual):
    """Both networks as the page has them, and all that it needs of them and of the pictures."""
    data = load("sample", image_size=SIZE)
    test = Split(data.test.images[:PICTURES], data.test.labels[:PICTURES])
    statistics = channel_statistics(data.train.images)
    nets = {"plain": _halved("plain", plain), "residual": _halved("residual", residual)}
    offs = [0, *(2**k for k in range(len(BLOCKS)))]
    lesions = {(kind, off): _without(net, off) for kind, net in nets.items() for off in offs}
    wrong = errors(lesions, test, statistics_of=data.train)
    shown = {
        "classes": list(data.classes),
        "mean": statistics.mean,
        "std": statistics.std,
        "side": SIZE,
        "pictures": _base64(test.images),
        "labels": test.labels.tolist(),
        "blocks": [f"{stage}, {i + 1}" for stage, i in BLOCKS],
        "stages": [(DEPTH - 2) // 6] * 3,
        "about": ABOUT,
        "networks": {
            kind: {
                "width": WIDTH,
                "residual": kind == "residual",
                "numbers": _base64(torch.cat([p.half().flatten() for p in net.parameters()])),
                "errors": {off: wrong[kind, off] for off in offs},
            }
            for kind, net in nets.items()
        },
    }
    return nets, shown


def _halved(kind, net):
    """A copy in evaluation mode: each batch norm is one factor and one summand, of 16 bits each.

    Its running mean is 0 and its running variance 1 − ε, so that γ and β are those two numbers.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        copied = networks.build_network(NAMES[kind], width=WIDTH)
    if net is not None:
        try:
            copied.load_state_dict(net.state_dict())
        except RuntimeError as error:
            raise ValueError(f"{kind}: expected {NAMES[kind]} of width {WIDTH}. {error}") from error
    copied.eval().requires_grad_(requires_grad=False)
    for norm in (module for module in copied.modules() if isinstance(module, nn.BatchNorm2d)):
        factor = norm.weight / (norm.running_var + norm.eps).sqrt()
        norm.bias -= factor * norm.running_mean
        norm.weight.copy_(factor)
        norm.running_mean.zero_()
        norm.running_var.fill_(1 - norm.eps)
    for parameter in copied.parameters():
        parameter.copy_(parameter.half())
    return copied


def _without(net, off):
    chosen = [place for k, place in enumerate(BLOCKS) if off >> k & 1]
    return functools.reduce(lambda left, place: without_block(left, *place), chosen, net)


def _base64(tensor):
    return base64.b64encode(tensor.numpy().tobytes()).decode()
