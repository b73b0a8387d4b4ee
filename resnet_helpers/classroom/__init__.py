"""What the book needs and its subject doesn't.

claims       ``claim`` a sentence and check it; ``claimed`` counts those that held
diagrams     the blocks and networks, drawn as SVG
exercises    checkers for the reader's answers, one module a chapter
packages     of two packages called torchsummary, the right one
"""

from resnet_helpers.classroom import diagrams
from resnet_helpers.classroom.claims import claim, claimed
from resnet_helpers.classroom.packages import require_torch_summary

__all__ = ["claim", "claimed", "diagrams", "require_torch_summary"]
