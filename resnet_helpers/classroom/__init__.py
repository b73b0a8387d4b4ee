"""What the book needs and its subject doesn't.

claims       ``claim`` a sentence and check it; ``claimed`` counts those that held
diagrams     the blocks and networks, drawn as SVG
exercises    checkers for the reader's answers, one module a chapter
"""

from resnet_helpers.classroom import diagrams
from resnet_helpers.classroom.claims import claim, claimed

__all__ = ["claim", "claimed", "diagrams"]
