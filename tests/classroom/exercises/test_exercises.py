"""Each checker accepts right answers and says what is wrong with plausible wrong ones.

The answers stand in the modules beside this one, one for each chapter. Those just inside and just
outside of a tolerance are among them.
"""

import numpy as np
import pytest
import torch
from classroom.exercises import ch1, ch2, ch3, ch4, ch5, ch6, ch7, ch8

from resnet_helpers import networks
from resnet_helpers.blocks import BottleNeck
from resnet_helpers.classroom import exercises
from resnet_helpers.networks import ResNet

CHAPTERS = (ch1, ch2, ch3, ch4, ch5, ch6, ch7, ch8)
RIGHT = {name: answers for chapter in CHAPTERS for name, answers in chapter.RIGHT.items()}
WRONG = {name: answers for chapter in CHAPTERS for name, answers in chapter.WRONG.items()}
NAMES = list(RIGHT)

# Keys that checkers ask for, so that nonsense reaches what stands behind them.
KEYS = [*ch1.READINGS, *ch2.VARIANCE, *ch3.PARTS]
NONSENSE = (
    0, -1.5, float("nan"), 10**400, 1j, True, "text", b"", (), [], {}, object(), NotImplemented,
    torch.zeros(2), torch.zeros(0), np.zeros((3, 3)), np.array("text"),
    int, torch.nn.Module, torch.nn.ReLU, torch.nn.Identity(), torch.nn.Linear,
    dict.fromkeys(KEYS, "text"), dict.fromkeys(KEYS, ()), dict.fromkeys(KEYS, torch.zeros(2)),
    lambda: 1, lambda *a: "text", lambda *a: [], lambda *a: ((), ()), lambda *a: (None, None),
    lambda *a: torch.zeros(2), lambda *a: np.zeros((3, 3)), lambda *a: {}, lambda *a: float("nan"),
    lambda *a: a[0], lambda *a: 1 / 0,
)  # fmt: skip


@pytest.mark.parametrize("name", RIGHT)
def test_right_answers_pass(name):
    for answer in RIGHT[name]:
        verdict = getattr(exercises, name)(answer)
        assert repr(verdict).startswith("✓ "), verdict.message


@pytest.mark.parametrize("name", WRONG)
def test_plausible_wrong_answers_are_told_what_is_wrong(name):
    for answer, sentence in WRONG[name]:
        verdict = getattr(exercises, name)(answer)
        assert repr(verdict).startswith("✗ ")
        assert sentence in verdict.message


@pytest.mark.parametrize(
    ("build", "shown"),
    [
        (
            lambda: ResNet(BottleNeck, [2, 2, 2, 2], num_classes=100),
            "✓ ResNet-26 with 14,151,076 parameters, as many as torchvision's",
        ),
        (lambda: networks.resnet18(num_classes=100), "✗ no BottleNeck inside"),
        (lambda: networks.resnet50(num_classes=100), "✗ 16 bottlenecks make a depth of 50"),
        (lambda: ResNet(BottleNeck, [2, 2, 2, 2]), "✗ the last layer has 10 outputs: expected 100"),
        (lambda: ResNet(BottleNeck, [1, 2, 3, 2], 100), "spread the eight blocks evenly"),
        (lambda: 26, "✗ expected a network, got 26"),
    ],
)
def test_resnet26_is_told_from_its_relatives(build, shown):
    with torch.device("meta"):
        assert shown in repr(exercises.check_resnet26(build()))


@pytest.mark.parametrize("name", NAMES)
def test_an_answer_still_to_be_written_is_no_mistake(name):
    unwritten = [..., None]
    for answer in RIGHT.get(name, [])[:1]:
        if isinstance(answer, dict):
            unwritten += [dict.fromkeys(answer, ...), dict.fromkeys(answer)]
        elif callable(answer) and not isinstance(answer, type):
            unwritten += [lambda *arguments: None, lambda *arguments: ...]
    for answer in unwritten:
        assert repr(getattr(exercises, name)(answer)).startswith("· Not answered yet")


@pytest.mark.parametrize("name", NAMES)
def test_no_answer_makes_a_checker_crash(name):
    for answer in NONSENSE:
        assert getattr(exercises, name)(answer).mark != "✓", answer


def test_every_checker_is_offered_and_has_answers_here():
    offered = {name for name in vars(exercises) if name.startswith("check_")}
    assert offered == set(NAMES)
    assert set(WRONG) == set(RIGHT)
