"""The lecture notes' code, in other words but with the same operations: what is compared with.

Each image is converted, resized, normalised and mirrored by itself, in NCHW order.
"""

import numpy as np
from PIL import Image
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


def training_loader(split, size, mean, std, batch_size=32):
    """The notes' training loader: images in a new order, resized, normalised, mirrored."""
    transform = transforms.Compose(
        [
            transforms.ToTensor(),
            transforms.Resize(size),
            transforms.Normalize(mean, std),
            transforms.RandomHorizontalFlip(),
        ]
    )
    return DataLoader(ImagesOneByOne(split, transform), batch_size=batch_size, shuffle=True)


def train_epoch(model, loss_func, loader, opt):
    """The notes' ``loss_epoch`` with an optimiser: mean loss and metric over a loader."""
    device = next(model.parameters()).device
    loss_sum, right = 0.0, 0.0
    for images, labels in loader:
        images, labels = images.to(device), labels.to(device)
        output = model(images)
        loss = loss_func(output, labels)
        predicted = output.argmax(1, keepdim=True)
        right += predicted.eq(labels.view_as(predicted)).sum().item()
        opt.zero_grad()
        loss.backward()
        opt.step()
        loss_sum += loss.item()
    return loss_sum / len(loader.dataset), right / len(loader.dataset)
