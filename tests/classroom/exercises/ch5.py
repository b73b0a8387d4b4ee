"""Answers to chapter 5's exercises."""

import numpy as np
import torch


def total_std(means, stds):
    return np.sqrt((stds**2).mean() + means.var())


def in_channels(numbers):
    return torch.tensor(numbers)[:, None, None]


def to_picture(image, mean, std, scale=1, shift=0.0):
    picture = image * in_channels(std) + in_channels(mean)
    return picture.permute(1, 2, 0).numpy() * scale + shift


def turned_round(image, mean, std):
    return ((image + in_channels(mean)) * in_channels(std)).permute(1, 2, 0)


def decode(raw):
    return np.frombuffer(raw, np.uint8).reshape(-1, 3, 96, 96).transpose(0, 1, 3, 2)


RIGHT = {
    "check_normalised_std": ["above 1"],
    "check_total_std": [total_std, lambda m, s: total_std(m, s) * (1 + 8e-10)],
    "check_to_picture": [
        to_picture,
        lambda *a: torch.tensor(to_picture(*a)),
        lambda *a: to_picture(*a, shift=9e-5),
    ],
    "check_decode": [decode],
}

WRONG = {
    "check_normalised_std": [
        ("below 1", "smaller than the std of all pixels"),
        ("exactly 1", "only if that number is the std"),
        (1, "1: choose 'below 1'"),
    ],
    "check_total_std": [
        (lambda m, s: s.mean(), "the lecture notes' way"),
        (lambda m, s: np.sqrt((s**2).mean()), "their variance is missing"),
        (lambda m, s: total_std(m, s) ** 2, "Take its root"),
        (lambda m, s: np.sqrt((s**2).mean() + m.var(ddof=1)), "divide by n"),
        (lambda m, s: total_std(m, s) * (1 + 2e-9), "where all their pixels give"),
        (lambda m, s: s, "expected a number"),
    ],
    "check_to_picture": [
        (lambda x, m, s: x, "matplotlib wants (H, W, 3)"),
        (lambda x, m, s: x[0], "expected (H, W, 3), here (12, 10, 3)"),
        (lambda x, m, s: x.permute(1, 2, 0), "undo the std, then the mean"),
        (lambda *a: to_picture(*a, scale=255), "range is 0 to 255"),
        (lambda *a: to_picture(*a, scale=255, shift=0.9), "range is 0 to 255"),
        (lambda *a: to_picture(*a, scale=255, shift=1.1), "colours are off"),
        (turned_round, "multiply by std first"),
        (lambda *a: to_picture(*a, shift=0.1), "colours are off by up to 0.10"),
        (lambda *a: to_picture(*a, shift=1.1e-4), "colours are off by up to 0.00"),
    ],
    "check_decode": [
        (lambda raw: np.frombuffer(raw, np.uint8), "3 images are (3, 3, 96, 96)"),
        (lambda raw: decode(raw).transpose(0, 1, 3, 2), "one column after the other"),
        (lambda raw: decode(raw)[:, ::-1], "image, channel, column, row"),
    ],
}
