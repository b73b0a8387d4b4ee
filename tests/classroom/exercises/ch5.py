"""Answers to chapter 5's exercises."""

import math
import statistics

import numpy as np
import torch
from torchvision import transforms


def total_std(means, stds):
    return np.sqrt((stds**2).mean() + means.var())


def total_std_in_steps(means, stds):
    n, mean = len(means), sum(means) / len(means)
    squares = sum(s**2 + m**2 for m, s in zip(means, stds, strict=True)) / n
    return float(squares - mean**2) ** 0.5


def total_std_in_float32(means, stds):
    means, stds = torch.tensor(means).float(), torch.tensor(stds).float()
    return (stds.square().mean() + means.var(correction=0)).sqrt()


def times(factor):
    return lambda means, stds: total_std(means, stds) * factor


def in_channels(numbers):
    return torch.tensor(numbers)[:, None, None]


def to_picture(image, mean, std, scale=1, shift=0.0):
    picture = image * in_channels(std) + in_channels(mean)
    return picture.permute(1, 2, 0).numpy() * scale + shift


def to_picture_in_numpy(image, mean, std):
    return np.transpose(image.numpy(), (1, 2, 0)) * np.array(std) + np.array(mean)


def to_picture_by_channel(image, mean, std):
    return torch.stack([x * s + m for x, m, s in zip(image, mean, std, strict=True)], dim=-1)


def to_picture_by_torchvision(image, mean, std):
    undone = transforms.Normalize([0, 0, 0], [1 / s for s in std])(image)
    undone = transforms.Normalize([-m for m in mean], [1, 1, 1])(undone)
    return undone.clamp(0, 1).movedim(0, 2).tolist()


def turned_round(image, mean, std):
    return ((image + in_channels(mean)) * in_channels(std)).permute(1, 2, 0)


def decode(raw):
    return np.frombuffer(raw, np.uint8).reshape(-1, 3, 96, 96).transpose(0, 1, 3, 2)


def decode_with_torch(raw):
    values = torch.frombuffer(bytearray(raw), dtype=torch.uint8)
    return values.view(-1, 3, 96, 96).transpose(2, 3)


def decode_one_by_one(raw):
    size = 3 * 96 * 96
    pictures = [raw[i : i + size] for i in range(0, len(raw), size)]
    return [
        [np.frombuffer(p, np.uint8)[c * 9216 :][:9216].reshape(96, 96).T for c in range(3)]
        for p in pictures
    ]


def decode_in_fortran_order(raw):
    images = np.frombuffer(raw, np.uint8).reshape(96, 96, 3, -1, order="F")
    return images.transpose(3, 2, 0, 1).astype(int)


def reshaped(*shape):
    return lambda raw: np.frombuffer(raw, np.uint8).reshape(shape)


def forgets_to_return(*arguments):
    sum(arguments[0])


RIGHT = {
    "check_normalised_std": ["exactly 1", "Exactly 1", " EXACTLY 1. ", np.str_("exactly 1")],
    "check_total_std": [
        total_std,
        total_std_in_steps,
        total_std_in_float32,
        lambda m, s: math.hypot(np.linalg.norm(s) / len(s) ** 0.5, statistics.pstdev(m)),
        times(1 + 9e-5),
        times(1 - 9e-5),
    ],
    "check_to_picture": [
        to_picture,
        to_picture_in_numpy,
        to_picture_by_channel,
        to_picture_by_torchvision,
        lambda *a: torch.tensor(to_picture(*a)).half().float(),
        lambda *a: to_picture(*a, shift=4.9e-4),
        lambda *a: to_picture(*a, shift=-4.9e-4),
    ],
    "check_decode": [decode, decode_with_torch, decode_one_by_one, decode_in_fortran_order],
}

WRONG = {
    "check_normalised_std": [
        ("below 1", "the stds or the means differ"),
        ("above 1", "Do they still?"),
        ("Above 1.", "Do they still?"),
        (1, "1: choose 'below 1'"),
        ("one", "'one': choose 'below 1'"),
        (torch.ones(3), "choose 'below 1'"),
    ],
    "check_total_std": [
        (lambda m, s: s.mean(), "the lecture notes' way"),
        (lambda m, s: np.sqrt((s**2).mean()), "their variance is missing"),
        (lambda m, s: m.std(), "What varies inside them is missing"),
        (lambda m, s: total_std(m, s) ** 2, "Take its root"),
        (lambda m, s: s.mean() + m.std(), "the sum of two stds"),
        (lambda m, s: (s**2).mean() ** 0.5 + m.std(), "the sum of two stds"),
        (lambda m, s: (s.mean() ** 2 + m.var()) ** 0.5, "Square each std first"),
        (lambda m, s: ((s**2).sum() + m.var()) ** 0.5, "Take their mean"),
        (lambda m, s: np.sqrt((s**2).mean() + m.var(ddof=1)), "divide by n"),
        (times(1 + 2e-4), "where all their pixels give"),
        (times(1 - 2e-4), "where all their pixels give"),
        (lambda m, s: s, "expected a number"),
        (forgets_to_return, "forgets_to_return returned nothing"),
        (0.25, "0.25: expected a function"),
    ],
    "check_to_picture": [
        (lambda x, m, s: x, "matplotlib expects (H, W, 3)"),
        (lambda x, m, s: x[0], "expected (H, W, 3), here (12, 10, 3)"),
        (lambda *a: to_picture(*a).transpose(1, 0, 2), "height and width are exchanged"),
        (lambda x, m, s: x.permute(1, 2, 0), "undo the std, then the mean"),
        (lambda x, m, s: x.permute(1, 2, 0).clamp(0, 1), "undo the std, then the mean"),
        (lambda *a: to_picture(*a, scale=255), "range is 0 to 255"),
        (lambda *a: to_picture(*a, scale=255, shift=0.9), "range is 0 to 255"),
        (lambda *a: to_picture(*a, scale=255).round().astype(np.uint8), "range is 0 to 255"),
        (lambda *a: to_picture(*a, scale=255, shift=1.1), "colours are off"),
        (turned_round, "multiply by std first"),
        (lambda x, m, s: to_picture(x, [0.0] * 3, s), "the mean is missing"),
        (lambda x, m, s: transforms.Normalize(m, s)(x).movedim(0, 2), "normalises once more"),
        (lambda *a: to_picture(*a)[:, :, ::-1].copy(), "colours are exchanged"),
        (lambda *a: to_picture(*a, shift=0.1), "colours are off by up to 0.1 "),
        (lambda *a: to_picture(*a, shift=5.1e-4), "colours are off by up to 0.00051"),
        (lambda *a: to_picture(*a, shift=-5.1e-4), "colours are off by up to 0.00051"),
        (forgets_to_return, "forgets_to_return returned nothing"),
        (lambda *a: "text", "expected an array of numbers"),
    ],
    "check_decode": [
        (lambda raw: np.frombuffer(raw, np.uint8), "still in a row"),
        (lambda raw: decode(raw)[:1], "3 images are (3, 3, 96, 96)"),
        (lambda raw: decode(raw).transpose(0, 2, 3, 1), "the channels are the last axis"),
        (reshaped(-1, 3, 96, 96), "one column after the other"),
        (lambda raw: reshaped(-1, 96, 96, 3)(raw).transpose(0, 3, 1, 2), "read as one pixel's"),
        (lambda raw: decode(raw) / 255, "divided by 255"),
        (lambda raw: decode(raw)[:, ::-1], "image, channel, column, row"),
        (lambda raw: decode(raw)[::-1], "image, channel, column, row"),
        (forgets_to_return, "forgets_to_return returned nothing"),
        (lambda raw: raw.decode(), "raised UnicodeDecodeError"),
    ],
}
