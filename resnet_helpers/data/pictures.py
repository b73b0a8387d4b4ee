"""From a picture's file to the bytes that a network's transform takes: the one way there is."""

import contextlib
import os
import warnings

import numpy as np
import torch
from PIL import Image, ImageOps, PngImagePlugin

from resnet_helpers._check import check_sizes

# By EXIF's word for how a picture was held (tag 0x0112), what makes it stand upright.
_ORIENTATION, _T = 0x0112, Image.Transpose
_TURNS = {2: _T.FLIP_LEFT_RIGHT, 3: _T.ROTATE_180, 4: _T.FLIP_TOP_BOTTOM, 5: _T.TRANSPOSE}
_TURNS |= {6: _T.ROTATE_270, 7: _T.TRANSVERSE, 8: _T.ROTATE_90}


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
    if image_size is not None:
        check_sizes(image_size=image_size)
    try:
        with patience(), Image.open(path) as image:
            if image_size is not None:
                # A JPEG is decoded at a half, a quarter or an eighth, where that is enough.
                image.draft(None, (2 * image_size, 2 * image_size))
            image.load()
            picture, turn = _as_rgb(image), None
            # A telephone stores how it was held beside the pixels. What can't be read says nothing.
            with contextlib.suppress(Exception):
                turn = _TURNS.get(image.getexif().get(_ORIENTATION))
        if turn is not None:
            picture = picture.transpose(turn)
        if image_size is not None:
            picture = ImageOps.fit(picture, (image_size, image_size), Image.Resampling.BICUBIC)
        return torch.from_numpy(np.array(picture)).permute(2, 0, 1)
    except MemoryError:
        raise
    except Exception as error:  # Pillow raises nearly anything over a broken file.
        if isinstance(error, OSError) and error.errno is not None:
            reason = f"can't be opened: {error.strerror}"
            raise OSError(error.errno, reason, os.fspath(path)) from error
        sound = isinstance(error, (NotImplementedError, Image.DecompressionBombError))
        way = "save it in another form" if sound else "mend or remove it"
        raise ValueError(f"{path} can't be read as an image: {way}. {error}") from error


@contextlib.contextmanager
def patience():
    """Let Pillow read large pictures and long texts in them: a reader's own are no attack."""
    limits = Image.MAX_IMAGE_PIXELS, PngImagePlugin.MAX_TEXT_CHUNK
    Image.MAX_IMAGE_PIXELS, PngImagePlugin.MAX_TEXT_CHUNK = 500_000_000, 1 << 26
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # They name no file, and are mostly about EXIF.
            yield
    finally:
        Image.MAX_IMAGE_PIXELS, PngImagePlugin.MAX_TEXT_CHUNK = limits


def _as_rgb(image):
    """A loaded picture of any mode as one of mode RGB, transparent parts over white."""
    if image.mode.startswith("I;16") or (image.mode == "I" and image.format in ("PNG", "PPM")):
        return Image.fromarray(_deep_grey(image)).convert("RGB")
    if image.mode in ("I", "F"):
        kind = "floats" if image.mode == "F" else "whole numbers of up to 32 bits"
        raise NotImplementedError(f"Its pixels are {kind}: which one is white isn't said")
    if not image.has_transparency_data:
        return image if image.mode == "RGB" else image.convert("RGB")
    key = image.info.get("transparency")
    if isinstance(key, tuple) and max(key) > 255:  # of a PNG whose 16 bits Pillow has cut to 8
        image.info["transparency"] = tuple(number >> 8 for number in key)
    if image.mode == "La":
        image = image.convert("LA")
    image = image.convert("RGBA")
    white = Image.new("RGB", image.size, "white")
    white.paste(image, mask=image)
    return white


def _deep_grey(image):
    """A grey picture of 12 or 16 bits as an array of bytes."""
    values = np.asarray(image)
    bits = getattr(image, "tag_v2", {}).get(258, (16,))[0]  # TIFF's BitsPerSample
    grey = (values >> (bits - 8)).astype(np.uint8)
    grey[values == image.info.get("transparency", -1)] = 255
    return grey
