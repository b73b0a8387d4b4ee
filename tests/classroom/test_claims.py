"""claim() and claimed()."""

import pytest
import torch

from resnet_helpers.classroom import claims
from resnet_helpers.classroom.claims import ClaimError, claim, claimed


@pytest.fixture(autouse=True)
def no_claims_yet(monkeypatch):
    monkeypatch.setattr(claims, "_claimed", [])


@pytest.mark.parametrize("condition", [True, torch.tensor(True), 1 < 2])
def test_a_true_claim_is_printed_with_a_tick(capsys, condition):
    claim("one is less than two", condition)
    assert capsys.readouterr().out == "✓ one is less than two\n"


@pytest.mark.parametrize("condition", [False, torch.tensor(False), None])
def test_a_false_claim_stops_with_its_sentence(capsys, condition):
    with pytest.raises(ClaimError, match=r"✗ pigs fly\n.*turned out false.*book/running.md"):
        claim("pigs fly", condition)
    assert capsys.readouterr().out == ""


def test_claimed_counts_the_true_ones(capsys):
    claim("a", True)
    with pytest.raises(ClaimError):
        claim("b", False)
    claim("c", True)
    capsys.readouterr()
    claimed()
    assert capsys.readouterr().out.startswith("2 claims of this chapter were checked")
