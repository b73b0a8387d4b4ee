"""Of two packages that are imported by one name, the one that the chapters need."""

import inspect

import torchsummary


def require_torch_summary() -> None:
    """Say how to mend it where ``import torchsummary`` gives another package than torch-summary.

    An older package is called torchsummary. Whichever of the two was installed last is imported.

    Raises:
        ImportError: its ``summary`` can't take a depth; the message has the two commands that help.
    """
    parameters = inspect.signature(torchsummary.summary).parameters
    if "depth" not in parameters:
        raise ImportError(
            f"`import torchsummary` gives the package torchsummary here, whose `summary` takes "
            f"{', '.join(parameters)}: expected torch-summary's, which takes a depth. Run these "
            "two commands in a cell, then restart the kernel:\n"
            "%pip uninstall --yes torchsummary\n"
            "%pip install --force-reinstall torch-summary"
        )
