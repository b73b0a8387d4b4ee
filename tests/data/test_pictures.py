"""read_image(): the bytes of every kind of pixel, against values worked out by hand."""

import io
import os
import struct
import time
import zlib

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps, PngImagePlugin

from resnet_helpers.data import load, read_image

WHITE, BLACK, RED, HIDDEN = (255,) * 3, (0,) * 3, (255, 0, 0), (10, 200, 30)


def read(picture, path, **options):
    """What read_image makes of a Pillow picture: uint8 array (H, W, 3)."""
    picture.save(path, **options)
    return read_image(path).permute(1, 2, 0).numpy()


def png(kind, values, transparent):
    """A PNG of 16 bits, which Pillow can't write: of kind 0 (grey) or 2 (RGB), with a key."""
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in np.asarray(values))
    size = len(values[0]), len(values)

    def chunk(name, data):
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    key = np.asarray(transparent, ">u2").tobytes()
    header = struct.pack(">IIBBBBB", *size, 16, kind, 0, 0, 0)
    parts = chunk(b"IHDR", header) + chunk(b"tRNS", key) + chunk(b"IDAT", zlib.compress(rows))
    return b"\x89PNG\r\n\x1a\n" + parts + chunk(b"IEND", b"")


def glass():
    """Opaque red, half red, and a hidden colour under nothing."""
    return Image.fromarray(np.array([[[*RED, 255], [*RED, 51], [*HIDDEN, 0]]], np.uint8))


# What is seen over white: c·a/255 + 255·(1 − a/255), with a = 51/255 = 1/5.
SEEN = [RED, (255, 204, 204), WHITE]


def palette(mode, key):
    picture = Image.new(mode, (3, 1))
    if mode == "P":
        picture.putpalette([*RED, *BLACK, *HIDDEN])
        picture.putdata([0, 1, 2])
    else:
        picture.putdata([RED, BLACK, HIDDEN] if mode == "RGB" else [255, 0, 30])
    return picture, {"transparency": key}


@pytest.mark.trouble("pixels")
@pytest.mark.parametrize("ending", ["png", "webp", "tif"])
def test_what_lies_under_nothing_is_white(ending, tmp_path):
    options = {"lossless": True, "exact": True} if ending == "webp" else {}
    assert read(glass(), tmp_path / f"a.{ending}", **options)[0].tolist() == [list(c) for c in SEEN]


@pytest.mark.trouble("pixels")
@pytest.mark.parametrize(
    ("picture", "options", "seen"),
    [
        (*palette("P", 2), [RED, BLACK, WHITE]),
        (*palette("P", bytes([255, 51, 0])), [RED, (204,) * 3, WHITE]),
        (*palette("RGB", HIDDEN), [RED, BLACK, WHITE]),
        (*palette("L", 30), [WHITE, BLACK, WHITE]),
        (*palette("1", 0), [WHITE] * 3),
        (Image.merge("LA", [palette("L", 0)[0]] * 2), {}, [WHITE, WHITE, (228,) * 3]),
    ],
    ids=["P", "P-alphas", "RGB", "L", "1", "LA"],
)
def test_each_modes_transparency_is_white(picture, options, seen, tmp_path):
    # LA: grey 30 of alpha 30: 30·30/255 + 255·225/255 = 228.5
    assert np.abs(read(picture, tmp_path / "a.png", **options)[0] - np.array(seen, int)).max() <= 1


@pytest.mark.trouble("pixels")
def test_a_gifs_transparency_is_white_and_its_first_frame_is_read(tmp_path):
    frames = [palette("P", 2)[0], Image.new("P", (3, 1), 1)]
    options = {"save_all": True, "append_images": frames[1:], "transparency": 2}
    assert read(frames[0], tmp_path / "a.gif", **options)[0].tolist() == [
        [*RED],
        [*BLACK],
        [*WHITE],
    ]


@pytest.mark.trouble("pixels")
def test_the_transparent_colour_of_16_bits_is_white(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(png(0, [[0, 300, 40000, 65535]], 40000))
    assert read_image(path)[:, 0].T.tolist() == [[0] * 3, [1] * 3, [255] * 3, [255] * 3]
    path.write_bytes(png(2, [[[0, 0, 0], [40000, 300, 65535], [514, 0, 0]]], [40000, 300, 65535]))
    assert read_image(path)[:, 0].T.tolist() == [[0] * 3, [255] * 3, [2, 0, 0]]


@pytest.mark.trouble("pixels")
@pytest.mark.parametrize("form", ["a.png", "a.tif", "a.pgm", "big-endian.tif", "a.jp2"])
def test_of_16_bits_the_upper_8_are_kept(form, tmp_path):
    deep = np.arange(0, 65536, 64, dtype=np.uint16).reshape(32, 32)
    path = tmp_path / form
    if form == "a.pgm":
        path.write_bytes(b"P5 32 32 65535\n" + deep.astype(">u2").tobytes())
    elif form == "big-endian.tif":
        Image.frombytes("I;16B", (32, 32), deep.astype(">u2").tobytes()).save(path)
    else:
        Image.fromarray(deep).save(path)
    assert (read_image(path).numpy() == (deep >> 8)).all()


@pytest.mark.trouble("pixels")
def test_of_12_bits_the_upper_8_are_kept(tmp_path):
    # Two numbers in three bytes: 0xABC, 0x123. Pillow can't write it, so a TIFF is patched.
    Image.new("L", (3, 1)).save(tmp_path / "a.tif")
    stored = bytearray((tmp_path / "a.tif").read_bytes())
    for tag, value in ((256, 2), (258, 12)):  # its width, its bits
        at = stored.index(struct.pack("<H", tag), 8)
        kind, size = struct.unpack_from("<HI", stored, at + 2)
        struct.pack_into("<H" if kind == 3 else "<I", stored, at + 8, value)
        assert size == 1
    (offset,) = struct.unpack_from("<I", stored, stored.index(struct.pack("<H", 273), 8) + 8)
    stored[offset : offset + 3] = b"\xab\xc1\x23"
    (tmp_path / "a.tif").write_bytes(stored)
    assert read_image(tmp_path / "a.tif")[0].tolist() == [[0xAB, 0x12]]


@pytest.mark.trouble("pixels")
@pytest.mark.parametrize(("kind", "told"), [(np.int32, "whole numbers"), (np.float32, "floats")])
def test_pixels_whose_white_nobody_knows_are_refused_by_name(kind, told, tmp_path):
    Image.fromarray(np.eye(4, dtype=kind)).save(tmp_path / "scan.tif")
    with pytest.raises(ValueError, match=rf"scan.tif can't .*another form.* {told}.*white") as e:
        read_image(tmp_path / "scan.tif")
    assert "remove" not in str(e.value)


@pytest.mark.trouble("pixels")
@pytest.mark.parametrize("mode", ["L", "1", "P", "CMYK", "YCbCr"])
def test_other_modes_become_rgb(mode, tmp_path):
    picture = Image.new("RGB", (4, 2), WHITE).convert(mode)
    path = tmp_path / ("a.tif" if mode in ("CMYK", "YCbCr") else "a.png")
    assert (read(picture, path) >= 254).all()


@pytest.mark.trouble("one file's fault")
def test_a_picture_beside_a_senseless_number_stands_upright(tmp_path):
    # EXIF that says: held to the right (6), and a resolution of -1/0, where none below 0 may be.
    entries = struct.pack(">HHIHH", 0x0112, 3, 1, 6, 0) + struct.pack(">HHII", 0x011A, 10, 1, 38)
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\2" + entries + bytes(4) + struct.pack(">ii", -1, 0)
    picture = Image.new("RGB", (32, 16), "blue")
    picture.paste("red", (0, 0, 16, 16))
    upright = read(picture, tmp_path / "a.jpg", exif=exif).astype(int)
    assert upright.shape == (32, 16, 3)
    red = upright[:, :, 0] - upright[:, :, 2]
    assert (red[:12] > 200).all() and (red[20:] < -200).all()


@pytest.mark.trouble("one file's fault")
def test_each_way_of_holding_is_pillows(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    turns = [noise, noise[:, ::-1], noise[::-1, ::-1], noise[::-1]]
    turns += [np.swapaxes(t, 0, 1) for t in (noise, noise[::-1], noise[::-1, ::-1], noise[:, ::-1])]
    for orientation, upright in enumerate(turns, start=1):
        exif = Image.Exif()
        exif[0x0112] = orientation
        for ending in ("png", "tif"):
            given = read(Image.fromarray(noise), tmp_path / f"a.{ending}", exif=exif)
            assert np.array_equal(given, upright), (orientation, ending)


def spoil(kind, path):
    """A file that ends too soon, isn't what it says, or makes Pillow raise something else."""
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(stored := io.BytesIO(), "TIFF" if kind == "tif" else "PNG")
    whole = stored.getvalue()
    position = whole.find(b"IDAT")
    chunk = b"\0\0\0\5i\0\0\0\0\0\0\0\0\0"  # a name that no chunk can have
    parts = {
        "cut": whole[: len(whole) // 2],
        "tif": whole[:100],
        "empty": b"",
        "page": b"<html>404 Not Found</html>",
        "chunk": whole[: position - 4] + chunk + whole[position - 4 :],
        "bits": whole[:position] + whole[position:].replace(b"\xaa", b"\xab"),
    }
    path.write_bytes(parts[kind])


@pytest.mark.trouble("one file's fault")
@pytest.mark.parametrize("kind", ["cut", "tif", "empty", "page", "chunk", "bits"])
def test_a_broken_file_is_named(kind, tmp_path):
    spoil(kind, tmp_path / "broken.jpg")
    with pytest.raises(ValueError, match=r"broken.jpg can't be read as an image: mend or remove"):
        read_image(tmp_path / "broken.jpg", 16)


@pytest.mark.trouble("one file's fault")
@pytest.mark.parametrize(
    "error",
    [struct.error("out of range"), SyntaxError("no"), TypeError("x"), KeyError(3), OSError("cut")],
    ids=lambda error: type(error).__name__,
)
def test_whatever_pillow_raises_the_file_is_named(error, tmp_path, monkeypatch):
    Image.new("RGB", (2, 2)).save(tmp_path / "odd.png")
    monkeypatch.setattr(PngImagePlugin.PngImageFile, "load_prepare", lambda self: raising(error))
    with pytest.raises(ValueError, match=r"odd.png can't be read as an image: mend or remove"):
        read_image(tmp_path / "odd.png")


def raising(error):
    raise error


@pytest.mark.trouble("a state from another machine")
@pytest.mark.parametrize("code", [13, 5, 24])  # permission denied, input/output, too many files
def test_a_fault_of_the_system_is_not_told_as_the_files(code, tmp_path, monkeypatch):
    Image.new("RGB", (2, 2)).save(tmp_path / "mine.png")
    monkeypatch.setattr("builtins.open", lambda *_, **__: raising(OSError(code, os.strerror(code))))
    with pytest.raises(OSError, match=rf"can't be opened: {os.strerror(code)}.*mine.png") as caught:
        read_image(tmp_path / "mine.png")
    assert caught.value.errno == code and "remove" not in str(caught.value)


@pytest.mark.trouble("a state from another machine")
def test_lack_of_memory_is_not_told_as_the_files(tmp_path, monkeypatch):
    Image.new("RGB", (2, 2)).save(tmp_path / "a.png")
    monkeypatch.setattr(Image.Image, "load", lambda self: raising(MemoryError()))
    monkeypatch.setattr(PngImagePlugin.PngImageFile, "load", lambda self: raising(MemoryError()))
    with pytest.raises(MemoryError):
        read_image(tmp_path / "a.png")


@pytest.mark.trouble("one file's fault")
def test_a_photograph_of_200_megapixels_is_read(tmp_path):
    Image.new("L", (16320, 12240), 128).save(tmp_path / "a.jpg", quality=10)
    limit = Image.MAX_IMAGE_PIXELS
    assert (read_image(tmp_path / "a.jpg", 32) == 128).all()
    assert limit == Image.MAX_IMAGE_PIXELS


@pytest.mark.trouble("one file's fault")
def test_a_picture_with_a_long_text_is_read(tmp_path):
    text = PngImagePlugin.PngInfo()
    text.add_text("prompt", "x" * (2 << 20), zip=True)
    assert (read(Image.new("RGB", (4, 4), WHITE), tmp_path / "a.png", pnginfo=text) == 255).all()


def photograph(path, size=(4032, 3024), quality=90):
    noise = np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    Image.fromarray(noise).resize(size, Image.Resampling.BICUBIC).save(path, quality=quality)


@pytest.mark.trouble("large photographs")
def test_a_photograph_is_cut_and_shrunk_as_the_whole_of_it_would_be(tmp_path):
    photograph(tmp_path / "a.jpg")
    with Image.open(tmp_path / "a.jpg") as whole:
        square = whole.resize((96, 96), Image.Resampling.BICUBIC, (504, 0, 3528, 3024))
    difference = read_image(tmp_path / "a.jpg", 96).permute(1, 2, 0).numpy() - np.asarray(
        square, int
    )
    assert np.abs(difference).max() <= 4 and np.abs(difference).mean() < 0.5


@pytest.mark.trouble("large photographs")
@pytest.mark.timing
def test_photographs_of_12_megapixels_load_fast(tmp_path):
    """Against what load() did before: decode every pixel, and then shrink."""
    for name in ("ant", "bee"):
        (tmp_path / name).mkdir()
        for i in range(6):
            photograph(tmp_path / name / f"{i}.jpg", quality=84 + i)

    def decode_all():
        for path in sorted(tmp_path.rglob("*.jpg")):
            with Image.open(path) as stored:
                whole = ImageOps.exif_transpose(stored).convert("RGB")
            ImageOps.fit(whole, (96, 96), Image.Resampling.BICUBIC)

    def seconds(call):
        start = time.perf_counter()
        call()
        return time.perf_counter() - start

    def is_fast():
        return 4 * seconds(lambda: load(f"folder:{tmp_path}", image_size=96)) < seconds(decode_all)

    assert any(is_fast() for _ in range(3))


def test_a_size_that_is_none_is_named(tmp_path):
    with pytest.raises(ValueError, match="image_size=0: expected a whole number"):
        read_image(tmp_path / "a.png", 0)


def test_without_a_size_the_picture_keeps_its_own(tmp_path):
    Image.new("RGB", (7, 5)).save(tmp_path / "a.png")
    assert read_image(tmp_path / "a.png").shape == (3, 5, 7)
    assert read_image(str(tmp_path / "a.png"), 4).dtype == torch.uint8
