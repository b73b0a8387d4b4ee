"""What the checkers are made of: a verdict, and ways to take, call and refuse an answer."""

import contextlib
import functools
import numbers
import operator
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn


@dataclass(frozen=True)
class Verdict:
    """What a checker says of an answer: ✓ right, ✗ wrong or · not written yet, and a sentence."""

    mark: str
    message: str

    def __repr__(self):
        return f"{self.mark} {self.message}"


class Wrong(Exception):
    """Carries the sentence that says what is wrong with an answer."""


class Missing(Exception):
    """The answer isn't written yet."""


def checker(praise):
    """Make a function that raises ``Wrong`` return a verdict, with praise if it raises nothing."""

    def decorate(check):
        @functools.wraps(check)
        def verdict(answer):
            try:
                if answer is ... or answer is None:
                    raise Missing
                check(answer)
            except Missing:
                return Verdict("·", "Not answered yet: replace the ... and run the cell again.")
            except Wrong as wrong:
                return Verdict("✗", str(wrong))
            except Exception as error:  # an answer of a kind that nobody thought of
                why = f"this answer can't be compared with the right one ({_named(error)})."
                return Verdict("✗", f"{why} Is it of the kind that the exercise asks for?")
            return Verdict("✓", praise)

        return verdict

    return decorate


def expect(true, sentence):
    """Raise ``Wrong`` with the sentence unless something is true."""
    if not true:
        raise Wrong(sentence)


def refuse(problems, about=""):
    """Raise ``Wrong`` with the first sentence whose condition holds; ``about`` stands before it."""
    for sentence, found in problems.items():
        expect(not found, about + sentence)


def compare(given, right, traps, about="", same=operator.eq):
    """Refuse an answer that isn't the right one, by the sentence whose wrong answer it is.

    ``traps`` leads from each sentence to a wrong answer or a set of them; ``...`` stands for all
    others.
    """
    if not same(given, right):
        for sentence, wrong in traps.items():
            answers = wrong if isinstance(wrong, set) else [wrong]
            expect(not any(each is ... or same(given, each) for each in answers), about + sentence)


def call(function, *arguments, returns=True):
    """The result of the reader's function; what it raises becomes a sentence, and so does nothing.

    ``returns`` is False for a function that needn't return anything.
    """
    expect(callable(function), f"{short(function)}: expected a function.")
    name = getattr(function, "__name__", short(function))
    try:
        result = function(*arguments)
    except Exception as error:
        shown = ", ".join(short(argument) for argument in arguments)
        raise Wrong(f"{name}({shown}) raised {_named(error)}") from error
    if result is ... or (result is None and _is_unwritten(function)):
        raise Missing
    expect(result is not None or not returns, f"{name} returned nothing: is its `return` missing?")
    return result


def _is_unwritten(function):
    """Whether a function's body is still the dots: Python compiles them to nothing."""
    code = getattr(function, "__code__", None)
    return code is not None and len(code.co_code) <= len((lambda: None).__code__.co_code)


def change(function, module):
    """Let the reader change a module in place: the names of the tensors that have changed."""
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    call(function, module, returns=False)
    after = module.state_dict()
    changed = {n for n, t in before.items() if n not in after or not torch.equal(t, after[n])}
    if not changed:
        raise Missing
    return changed


def number(given, about="", such_as=""):
    """An answer as a float: a number of any type, or a tensor or an array that holds just one."""
    with contextlib.suppress(AttributeError, RuntimeError, ValueError):
        given = given.item()
    real = isinstance(given, numbers.Real) and not isinstance(given, bool)
    expect(real, f"{about}{short(given)}: expected a number{such_as}.")
    return float(given)


def each(answers, right, kind):
    """Name, answer and right answer for each entry of the reader's dictionary."""
    expect(isinstance(answers, Mapping), f"{short(answers)}: expected a dictionary.")
    names = ", ".join(map(repr, right))
    for name, expected in right.items():
        expect(name in answers, f"{name!r} is missing: expected {kind} for each of {names}.")
        if answers[name] is ... or answers[name] is None:
            raise Missing
        yield name, answers[name], expected


def short(value):
    """A value in at most sixty letters."""
    if isinstance(value, torch.Tensor | np.ndarray):
        kind = "tensor" if isinstance(value, torch.Tensor) else "array"
        return f"{kind} of shape {tuple(value.shape)}"
    if isinstance(value, nn.Module):
        return type(value).__name__
    text = value.__name__ if isinstance(value, type) else repr(value)
    return text if len(text) <= 60 else text[:57] + "…"


def _named(error):
    return f"{type(error).__name__}: {error}"
