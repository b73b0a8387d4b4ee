"""What takes long: trainings by a recipe, and the runs that were recorded.

recipe          ``Recipe``: all that decides a training; RECIPES and LIVE, those with a name
fit             ``fit``: train a model by a recipe, around ``training.loss_epoch``
side_by_side    ``train_side_by_side``, ``errors``: ``fit`` in two threads
train           ``train_to_folder``: a whole training
trained         ``load_trained``, ``predict_pictures``: what it leaves, in use
checkpoint      what is kept of an unfinished training
distributed     several processes, as torchrun starts them
recordings      which runs are recorded, and how they are made
recorded        ``load_recording``, ``runs_of``, ``provenance_line``: how they are read
provenance, model_card    where a number comes from; what a trained network is
"""

import importlib

from resnet_helpers.experiments.recorded import load_recording, load_run, provenance_line, runs_of

__all__ = ["load_recording", "load_run", "provenance_line", "runs_of"]

# These need PyTorch and the images. To read a recorded run takes neither, so they wait.
_LATER = {
    "recipe": ("Recipe", "RECIPES", "LIVE"),
    "side_by_side": ("train_side_by_side", "errors"),
    "train": ("train_to_folder",),
    "trained": ("load_trained", "predict_pictures"),
}


def __getattr__(name):
    for module, names in _LATER.items():
        if name in names:
            return getattr(importlib.import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
