"""The registries of losses and activations, filled: importing this module runs both catalogues."""

from lossland.elements import activations, losses
from lossland.elements._registry import ACTIVATIONS, LOSSES

__all__ = ["ACTIVATIONS", "LOSSES", "activations", "losses"]
