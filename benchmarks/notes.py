"""The lecture notes' code, in other words but with the same operations: what is compared with.

Each image is decoded, resized, normalised and mirrored by itself, in NCHW order.
"""

import numpy as np
import torch
from PIL import Image
from torch.optim.lr_scheduler import ReduceLROnPlateau
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms


class ImagesOneByOne(Dataset):
    """A split handed out as ``torchvision.datasets.STL10`` does: one PIL image after another.

    Args:
        split: a ``datasets.Split``.
        transform: what each image goes through; can be set later, as the notes do.
    """

    def __init__(self, split, transform):
        self.images = split.images.numpy()
        self.labels = split.labels.tolist()
        self.transform = transform

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        image = Image.fromarray(self.images[index].transpose(1, 2, 0))
        return self.transform(image), self.labels[index]


def channel_statistics(dataset):
    """Mean over the images of each image's mean, and of each image's standard deviation.

    Args:
        dataset: yields (tensor (3, H, W), label) pairs, as with ``ToTensor`` alone.
    """
    means = [np.mean(image.numpy(), axis=(1, 2)) for image, _ in dataset]
    stds = [np.std(image.numpy(), axis=(1, 2)) for image, _ in dataset]
    return (
        tuple(np.mean([image[channel] for image in means]) for channel in range(3)),
        tuple(np.mean([image[channel] for image in stds]) for channel in range(3)),
    )


def loader(split, size, mean, std, batch_size, mirror):
    """The notes' loader: images in a new order, resized, normalised, for training mirrored."""
    steps = [transforms.ToTensor(), transforms.Resize(size), transforms.Normalize(mean, std)]
    if mirror:
        steps.append(transforms.RandomHorizontalFlip())
    dataset = ImagesOneByOne(split, transforms.Compose(steps))
    return DataLoader(dataset, batch_size=batch_size, shuffle=True)


def run_epoch(model, loss_func, loader, opt=None):
    """The notes' ``loss_epoch``: mean loss and metric over a loader."""
    device = next(model.parameters()).device
    loss_sum, right = 0.0, 0.0
    for images, labels in loader:
        images, labels = images.to(device), labels.to(device)
        output = model(images)
        loss = loss_func(output, labels)
        predicted = output.argmax(1, keepdim=True)
        right += predicted.eq(labels.view_as(predicted)).sum().item()
        if opt is not None:
            opt.zero_grad()
            loss.backward()
            opt.step()
        loss_sum += loss.item()
    return loss_sum / len(loader.dataset), right / len(loader.dataset)


def train_until(accuracy, model, loss_func, train_loader, val_loader, epochs):
    """The notes' training, Adam and plateau, until the validation images are recognised so often.

    Returns:
        The number of epochs that it took; None if ``epochs`` of them didn't suffice.
    """
    opt = torch.optim.Adam(model.parameters(), lr=0.001)
    schedule = ReduceLROnPlateau(opt, mode="min", factor=0.1, patience=10)
    for epoch in range(1, epochs + 1):
        model.train()
        run_epoch(model, loss_func, train_loader, opt)
        model.eval()
        with torch.no_grad():
            val_loss, reached = run_epoch(model, loss_func, val_loader)
        if reached >= accuracy:
            return epoch
        schedule.step(val_loss)
    return None
