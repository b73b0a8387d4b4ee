"""Interactive figures: one module of JavaScript each, and the Python class that feeds it."""

from resnet_helpers.figures.architecture import ArchitectureExplorer
from resnet_helpers.figures.cost import CostCalculator
from resnet_helpers.figures.degradation import DegradationExplorer
from resnet_helpers.figures.normalisation import NormalisationExplorer
from resnet_helpers.figures.replay import TrainingReplay
from resnet_helpers.figures.stepper import BlockStepper

FIGURES = (
    DegradationExplorer,
    BlockStepper,
    CostCalculator,
    ArchitectureExplorer,
    NormalisationExplorer,
    TrainingReplay,
)
__all__ = [figure.__name__ for figure in FIGURES]
