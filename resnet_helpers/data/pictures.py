"""From a picture's file to the bytes that a network's transform takes: the one way there is."""

import contextlib
import os

import torch
from PIL import Image, ImageOps
from torchvision.transforms.v2.functional import pil_to_tensor

# How EXIF says that a picture was held (tag 0x0112), and what makes it stand upright.
_ORIENTATION = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# Twice as many are refused. Pillow's own limit is below a telephone's 200 megapixels.
_MOST_PIXELS = 500_000_000


def read_image(path: str | os.PathLike, image_size: int | None = None) -> torch.Tensor:
    """Read a picture as ``load("folder:…")`` does: upright, RGB, cropped to a square and resized.

    What is transparent lies over white. 16 bits become 8. Of several frames the first is read.

    Args:
        path: of a file in any format that Pillow reads.
        image_size: pixels on each side: the middle square is cut out and resized, bicubic and
            antialiased. By default the picture keeps its size.

    Returns:
        uint8 (3, image_size, image_size), or (3, H, W) as stored; ``[None]`` makes a batch of it.

    Raises:
        ValueError: the file isn't a whole picture, or its pixels can't be brought to bytes.
        OSError: the system doesn't give the file: it isn't there, may not be read, ….
    """
    try:
        with _large_pictures(), Image.open(path) as image:
            if image_size is not None:
                # A JPEG is decoded at a half, a quarter or an eighth, where that is enough.
                image.draft(None, (2 * image_size, 2 * image_size))
            image.load()
            picture = _as_rgb(image)
            # A telephone stores how it was held beside the pixels; what can't be read is no word.
            turn = None
            with contextlib.suppress(Exception):
                turn = _TURNS.get(image.getexif().get(_ORIENTATION))
        if turn is not None:
            picture = picture.transpose(turn)
        if image_size is not None:
            picture = ImageOps.fit(picture, (image_size, image_size), Image.Resampling.BICUBIC)
        return pil_to_tensor(picture)
    except MemoryError:
        raise
    except Exception as error:  # Pillow raises nearly anything over a broken file
        if isinstance(error, OSError) and error.errno is not None:
            reason = f"can't be opened: {error.strerror}"
            raise OSError(error.errno, reason, os.fspath(path)) from error
        raise ValueError(f"{path} can't be read as an image: mend or remove it. {error}") from error


@contextlib.contextmanager
def _large_pictures():
    """Let Pillow read photographs of 200 megapixels, as long as this lasts."""
    before = Image.MAX_IMAGE_PIXELS
    Image.MAX_IMAGE_PIXELS = _MOST_PIXELS
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS = before


def _as_rgb(image):
    """A loaded picture of any mode as one of mode RGB."""
    return image if image.mode == "RGB" else image.convert("RGB")
