"""A trained network in use: read from its file, and asked about pictures."""

import json
from pathlib import Path

import safetensors
import torch

from resnet_helpers.data import read_image
from resnet_helpers.experiments.checkpoint import WEIGHTS
from resnet_helpers.experiments.fit import precision, transform_for
from resnet_helpers.experiments.recipe import Recipe
from resnet_helpers.networks import build_network
from resnet_helpers.training import load_weights
from resnet_helpers.transforms import ChannelStatistics


def load_trained(path):
    """The network that a ``best.safetensors`` holds, ready for use, and what is known of it.

    Args:
        path: of the file, or of the folder that ``train_to_folder`` wrote.

    Returns:
        The network in evaluation mode, and a dictionary: ``settings``, ``classes``,
        ``mean`` and ``std`` (of the training images, for ``transforms.normalize``).

    Raises:
        ValueError: the file is damaged, or wasn't written by ``train_to_folder``.
        OSError: it can't be read.
    """
    path = Path(path).expanduser()
    path = path / WEIGHTS if path.is_dir() else path
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            about = json.loads((file.metadata() or {}).get("about", "null"))
    except safetensors.SafetensorError as error:
        raise ValueError(f"{path} is damaged, or no safetensors file: {error}") from error
    if about is None:
        raise ValueError(
            f"{path} doesn't say which network it is of: expected one that train_to_folder wrote"
        )
    recipe = Recipe.of(about["settings"])
    model = build_network(recipe.network, len(about["classes"]), recipe.width)
    return load_weights(model, path).eval(), about


@torch.inference_mode()
def predict_pictures(weights, paths):
    """What a trained network says of pictures, each read as ``load`` read those it learned from.

    Args:
        weights: as ``load_trained`` takes it.
        paths: of pictures, of any size.

    Returns:
        Probabilities, float32 (pictures, classes), and the names of the classes.

    Raises:
        ValueError, OSError: as ``load_trained`` and ``data.read_image``.
    """
    model, about = load_trained(weights)
    recipe = Recipe.of(about["settings"])
    to_network = transform_for(recipe, ChannelStatistics(about["mean"], about["std"], ()))
    size = about.get("read_size", recipe.image_size)
    rows = []
    for path in paths:  # one by one: photographs are read faster than memory is filled
        image = to_network(read_image(Path(path).expanduser(), size)[None])
        with precision(recipe, model):
            rows.append(model(image).float().softmax(1))
    return torch.cat(rows), about["classes"]
