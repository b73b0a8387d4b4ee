"""Checkers for chapter 2: the residual block."""

import math

import torch
from torch import nn

from resnet_helpers.blocks import BasicBlock, BottleNeck

from ._kit import call, checker, compare, each, expect, number, refuse, short


@checker("Twelve blocks measured, twelve times as predicted.")
def check_block_shape(block_shape):
    """Exercise 2.1: the output shape and the kind of shortcut of a basic block."""
    for case in (
        (8, 8, 1, 7), (8, 16, 1, 7), (8, 8, 2, 7), (16, 8, 2, 7), (8, 16, 2, 8), (16, 16, 2, 8),
        (3, 3, 1, 5), (4, 4, 2, 1), (16, 8, 1, 6), (4, 12, 3, 10), (6, 6, 3, 9), (2, 2, 1, 1),
    ):  # fmt: skip
        in_channels, out_channels, stride, size = case
        given = call(block_shape, *case)
        called = f"block_shape{case} is {short(given)}: "
        pair = isinstance(given, tuple | list) and len(given) == 2
        expect(pair, f"{called}expected a pair, such as ((8, 7, 7), 'identity').")
        shape, block = tuple(given[0]), BasicBlock(in_channels, out_channels, stride)
        named = str(given[1]).lower()
        with torch.no_grad():
            right = tuple(block(torch.zeros(2, in_channels, size, size)).shape[1:])
        _, *sides = right
        traps = {
            f"with stride {stride} the kernel sits on pixels 0, {stride}, {2 * stride}, … below "
            f"{size}: on {sides[0]} of them. Round up.": (out_channels, *[size // stride] * 2),
            f"the block puts out {out_channels} channels, not {shape[0]}.": (shape[0], *sides),
            f"the stride is {stride}, so the map shrinks.": (out_channels, size, size),
            f"measured is {right}.": ...,
        }
        compare(shape, right, traps, called)
        kind = "projection" if len(block.shortcut) else "identity"
        stays = in_channels == out_channels
        problems = {
            "the kind is 'identity' or 'projection'.": named not in ("identity", "projection"),
            "the shape stays, so x can be added as it is.": kind == "identity",
            "the channels stay, but the map shrinks. Then x can't be added as it is.": stays,
            "the size stays, but the channels don't. Then x can't be added as it is.": stride == 1,
            "neither the channels nor the size stays.": True,
        }
        if named != kind:
            refuse(problems, called)


@checker("With the same weights it puts out what the package's block puts out.")
def check_mended_block(block):
    """Exercise 2.2: a block with three bugs, mended; compared by copied weights."""
    is_class = isinstance(block, type) and issubclass(block, nn.Module)
    expect(is_class, f"expected a class of blocks, got {short(block)}.")
    for shape in ((6, 6, 1), (6, 12, 2), (6, 6, 2), (6, 12, 1)):
        reference = BasicBlock(*shape)
        mended = call(block, *shape)
        names = _names(mended, reference, f"{block.__name__}{shape}")
        generator = torch.Generator().manual_seed(0)
        for parameter in reference.parameters():
            nn.init.normal_(parameter, generator=generator)
        mended.load_state_dict(dict(zip(names, reference.state_dict().values(), strict=True)))
        x = torch.randn(3, 6, 9, 9, generator=generator)
        given = call(mended.forward, x)
        with torch.no_grad():
            right = reference(x)
            added, carried = reference.residual_function(x), reference.shortcut(x)
        traps = {
            "no ReLU follows the sum.": added + carried,
            "the ReLU comes before the sum. It belongs after it.": added.relu() + carried,
            "there is still a ReLU at the end of F. What is added must be free to be negative.": (
                (added.relu() + carried).relu()
            ),
            "the shortcut isn't added.": added.relu(),
            "the output differs from the package's with the same weights.": ...,
        }
        called = f"{block.__name__}{shape}: the names and shapes are right, but "
        compare(given, right, traps, called, _same)


def _same(given, right):
    return given.shape == right.shape and torch.allclose(given, right, atol=1e-5)


def _names(mended, reference, called):
    """A block's names for the reference's tensors; refuses one too many, too few or misshapen."""
    given, right = mended.state_dict(), reference.state_dict()
    if "residual_function.0.weight" not in given:
        one, other = ([tensor.shape for tensor in state.values()] for state in (given, right))
        own = "your block may be right, but its tensors have names of their own, and other shapes"
        expect(one == other, f"{called}: {own}. Name the parts residual_function and shortcut.")
        return list(given)
    missing = [name for name in right if name not in given]
    extra = [name for name in given if name not in right]
    projects = not len(reference.shortcut) and "shortcut.0.weight" in extra
    biased = any(n.endswith(".bias") and n[:-4] + "running_mean" not in given for n in extra)
    names = f"missing: {missing}, more: {extra}"
    problems = {
        " has no projection, but the shape changes here.": "shortcut.0.weight" in missing,
        ": the projection has no batch norm, so what it adds has another scale than "
        "F.": "shortcut.1.weight" in missing,
        " projects where the shape stays: there x itself is added.": projects,
        ": a convolution has a bias, which the batch norm would take away.": biased,
        f": the names differ from the package's; {names}.": missing or extra,
    }
    refuse(problems, called)
    for name, tensor in right.items():
        shape, expected = tuple(given[name].shape), tuple(tensor.shape)
        expect(shape == expected, f"{called}: {name} has shape {shape}, expected {expected}.")
    return list(right)


@checker("Basic blocks and bottlenecks: the last γ of each is 0, and nothing else has changed.")
def check_zero_gamma(zero_gamma):
    """Exercise 2.3: γ = 0 in the last batch norm of each residual block, in place."""
    for block, inner, last in ((BasicBlock, (1,), 4), (BottleNeck, (1, 4), 7)):
        torch.manual_seed(0)
        model = nn.Sequential(
            nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), block(8, 4, 2), block(4 * block.expansion, 4)
        )
        before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
        call(zero_gamma, model, returns=False)
        after = model.state_dict()
        changed = {n for n in before if n not in after or not torch.equal(before[n], after[n])}
        wanted = {f"{i}.residual_function.{last}.weight" for i in (2, 3)}
        inside = {f"{i}.residual_function.{k}.weight" for i in (2, 3) for k in inner}
        which = "only the last one" if wanted <= changed else "not the last one"
        zero = not any(value.any() for name, value in model.state_dict().items() if name in wanted)
        problems = {
            "nothing has changed. Change the model itself, no copy, and ask for residual_function: "
            "the chapter's BasicBlock isn't the package's.": not changed,
            "a batch norm outside of the blocks has lost its γ as well: nothing would get through "
            "the network.": "1.weight" in changed,
            "the shortcut's parameters have changed. With γ = 0 there, a block that changes the "
            "shape would pass nothing on.": any("shortcut" in name for name in changed),
            f"a batch norm inside of F has changed, {which} should. How many layers has this "
            "block's F?": inside & changed,
            f"more has changed than the last γ's: {sorted(changed - wanted)}.": changed - wanted,
            f"{sorted(wanted - changed)} hasn't changed: every block counts.": wanted - changed,
            "the last γ's have changed, but not all of them are 0.": not zero,
        }
        refuse(problems, f"{block.__name__}: ")


@checker("11 and 1,024: one trunk grows by addition, the other by doubling.")
def check_trunk_variance(variance):
    """Exercise 2.4: the variance of a trunk after ten blocks, with and without batch norm."""
    traps = {
        "with batch norm": {
            "the ten blocks add 1 each. What was there before them?": 10,
            "batch norm sets F's output to variance 1, not the sum's.": 1,
            "a batch norm's output has variance 1, whatever comes in: nothing doubles.": 1024,
            "that is the standard deviation. The variance is its square.": math.sqrt(11),
        },
        "without": {
            "F's output isn't of variance 1 here: it has the variance of its input.": 11,
            "each block doubles what is there. Ten doublings, one after the other.": 20,
            "that is nine doublings.": 512,
            "that is eleven doublings.": 2048,
            "that is the standard deviation. The variance is its square.": 32,
            "x and F(x) each have that variance; their sum has the sum of both.": 1,
        },
    }
    for name, given, right in each(variance, {"with batch norm": 11, "without": 1024}, "a number"):
        given = number(given, f"{name}: ")
        if not math.isclose(given, right, rel_tol=1e-6):
            problems = {s: math.isclose(given, v, rel_tol=1e-3) for s, v in traps[name].items()}
            problems["variances add. Go through the first three blocks by hand."] = True
            refuse(problems, f"{name}, {given:g}: ")
