"""Interactive figures: one module of JavaScript each, and the Python class that feeds it."""

import importlib
import pkgutil

from resnet_helpers.figures.base import FIGURES

# A figure is known when its two files lie here: nothing else names it.
for _module in pkgutil.iter_modules(__path__, f"{__name__}."):
    importlib.import_module(_module.name)

globals().update({figure.__name__: figure for figure in FIGURES})
__all__ = [figure.__name__ for figure in FIGURES]
