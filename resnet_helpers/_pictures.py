"""Pictures in fewer bytes, and as HTML that says what is to be seen."""

import base64
import html
import io

from PIL import Image

LARGE = 60_000  # bytes


def as_webp(picture: Image.Image) -> bytes:
    """A picture as WebP, in a third of the bytes of a PNG or fewer.

    Curves lose nothing by it. Grids of noisy pictures stay large, so they lose what no eye sees.
    """
    flat = picture.convert("RGB")
    for options in ({"lossless": True}, {"quality": 90}):
        file = io.BytesIO()
        flat.save(file, "webp", method=6, **options)
        if file.tell() <= LARGE:
            break
    return file.getvalue()


def img(data: bytes, kind: str, alt: str) -> str:
    """An element of HTML that holds a whole picture and its alt text.

    Args:
        data: the picture's file.
        kind: its type, such as ``image/webp``.
        alt: what it shows, in words.
    """
    source = f"data:{kind};base64,{base64.b64encode(data).decode()}"
    return f'<img src="{source}" alt="{html.escape(alt)}">'


def img_of_png(png: bytes, alt: str) -> str:
    """What ``img`` makes of a PNG file, as WebP."""
    with Image.open(io.BytesIO(png)) as picture:
        return img(as_webp(picture), "image/webp", alt)
