"""Panels of people: populations, balanced samples, names, personas, and what a model writes about them."""

from __future__ import annotations

from toolkit.personas.assignment import Assignment
from toolkit.personas.attribute import Attribute, Wording
from toolkit.personas.description import Fit
from toolkit.personas.generate import generate_personas
from toolkit.personas.names import NameRegister
from toolkit.personas.panel import Panel
from toolkit.personas.persona import Detail, Persona
from toolkit.personas.population import Population
from toolkit.personas.sample import draw, fit

__all__ = [
    "Assignment",
    "Attribute",
    "Detail",
    "Fit",
    "NameRegister",
    "Panel",
    "Persona",
    "Population",
    "Wording",
    "draw",
    "fit",
    "generate_personas",
]
