"""Checks that several modules share: each error names the value and what was expected."""

from torch import Tensor


def check_sizes(*, least: int = 1, **sizes: object) -> None:
    """Raise a ValueError that names the first size that isn't whole, or is below ``least``."""
    for name, value in sizes.items():
        if not isinstance(value, int) or value < least:
            raise ValueError(f"{name}={value!r}: expected a whole number of at least {least}")


def first_line(error: BaseException) -> str:
    """The first line of an error's message; the error's kind if it says nothing."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def check_batch_shape(images: Tensor) -> None:
    """Raise a ValueError that names the way out unless this is a batch (N, 3, H, W)."""
    if images.ndim != 4 or images.shape[1] != 3:
        raise ValueError(
            f"images of shape {tuple(images.shape)}: expected (N, 3, H, W); one image becomes a "
            "batch by image.unsqueeze(0), and (N, H, W, 3) by images.permute(0, 3, 1, 2)"
        )
