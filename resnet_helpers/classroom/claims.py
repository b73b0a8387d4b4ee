"""Sentences of the book and the conditions that make them true."""

_claimed = []


class ClaimError(AssertionError):
    """A sentence of the book turned out false on this machine."""


def claim(sentence, condition):
    """Print a sentence with a tick if its condition is true; stop the notebook if it isn't.

    Args:
        sentence: what is claimed, in words that stay the same from run to run.
        condition: anything with a truth value: a bool, or an array or tensor of one element.

    Raises:
        ClaimError: the condition is false.
    """
    if not bool(condition):
        raise ClaimError(
            f"✗ {sentence}\nThis was measured on this machine just now and turned out false. "
            "Run the notebook again from the top; if the claim fails again, please report it, with "
            "your processor and PyTorch's version: book/running.md says where."
        )
    _claimed.append(sentence)
    print(f"✓ {sentence}")


def claimed():
    """Print how many claims have held since the notebook was started."""
    print(f"{len(_claimed)} claims of this chapter were checked on this machine. All of them hold.")
