"""Who answers: what flows to a model and back, the protocol, and the providers."""

from toolkit.models.call import Call, Identity, Message, Picture, Reply, Sampling, Schema, Tool, Tools, Usage
from toolkit.models.model import Abilities, Model, Responder
from toolkit.models.registry import open_model, providers

__all__ = [
    "Abilities",
    "Call",
    "Identity",
    "Message",
    "Model",
    "Picture",
    "Reply",
    "Responder",
    "Sampling",
    "Schema",
    "Tool",
    "Tools",
    "Usage",
    "open_model",
    "providers",
]
