"""Big Five scores drawn from published averages by age and sex; they describe a persona and never enter the fit."""

from __future__ import annotations

import math
import tomllib
from bisect import bisect_right
from collections.abc import Mapping
from functools import cache, lru_cache
from statistics import NormalDist, fmean
from typing import Any

from toolkit.personas.attribute import Attribute
from toolkit.resources import data_file
from toolkit.seeds import rng

__all__ = ["TRAITS", "big_five_attributes", "draw", "expected", "levels", "words"]

TRAITS: tuple[str, ...] = ("openness", "conscientiousness", "extraversion", "agreeableness", "neuroticism")
"""The five, in the order they are told."""

_WOMEN = {"female": 1.0, "woman": 1.0, "f": 1.0, "male": 0.0, "man": 0.0, "m": 0.0}
"""The share of women that a person stands for; anyone else is half and half, so at the average of the sexes."""
_STANDARD = NormalDist()
_T_SD = 10.0
"""Standard deviation of T scores, by definition."""
_LEAST = 2.0**-53
"""The smallest step of a uniform draw: 0 itself has no normal quantile."""


def draw(attributes: Mapping[str, Any], seed: int) -> dict[str, float]:
    """Draw a person's five scores, given age and sex where they are known.

    A correlated normal draw around the average for the person's age and sex: means by age and differences of the sexes
    of Donnellan and Lucas (2008), Tables 1 and 3, the mean of Britain and Germany; observed intercorrelations of van
    der Linden et al. (2010), Table 2. The tables were copied from a transcription and not read in the papers, and the
    spread on the scale is a round number: ``data/populations/norms/bigfive.toml`` says how far each was checked.

    Args:
        attributes: ``age`` in years and ``sex`` (or ``gender``) are used; without them the average is.
        seed: Equal seeds and attributes give equal scores on every machine.

    Returns:
        A score for each trait, 1 to 5 with one decimal; 3 is the average adult of 45.

    Example:
        >>> ann = draw({"age": 34, "sex": "female"}, seed=7)
        >>> sorted(ann) == sorted(TRAITS), all(1 <= score <= 5 for score in ann.values())
        (True, True)
    """
    chance = rng(seed, "big_five")
    normal = [_STANDARD.inv_cdf(max(chance.random(), _LEAST)) for _ in TRAITS]
    scale = _norms()["scale"]
    scores = {}
    for trait, middle, row in zip(TRAITS, expected(attributes).values(), _root(), strict=True):
        score = middle + scale["sd"] * math.fsum(part * one for part, one in zip(row, normal, strict=True))
        scores[trait] = round(min(max(score, scale["low"]), scale["high"]), 1)
    return scores


def expected(attributes: Mapping[str, Any]) -> dict[str, float]:
    """Return the average score of people of one's age and sex, before anything is drawn.

    Args:
        attributes: ``age`` and ``sex`` (or ``gender``), where they are known.

    Example:
        >>> round(expected({"sex": "female"})["neuroticism"] - expected({"sex": "male"})["neuroticism"], 3)
        0.315
    """
    age = attributes.get("age")
    known = isinstance(age, int | float) and not isinstance(age, bool) and not math.isnan(age)
    share = _WOMEN.get(str(attributes.get("sex", attributes.get("gender", ""))).casefold(), 0.5)
    return dict(_average(share, age if known else None))


def levels(scores: Mapping[str, float]) -> dict[str, str]:
    """Return each score's level: very low, low, average, high or very high.

    Args:
        scores: A score for each trait, 1 to 5.

    Example:
        >>> levels({"openness": 4.2, "neuroticism": 3.0})
        {'openness': 'very high', 'neuroticism': 'average'}
    """
    bands = _norms()["bands"]
    return {trait: bands["levels"][max(bisect_right(bands["edges"], score) - 1, 0)] for trait, score in scores.items()}


def words(scores: Mapping[str, float]) -> dict[str, str]:
    """Return each score in words a model or a reader understands: the level, and what it means.

    Args:
        scores: A score for each trait, 1 to 5.

    Example:
        >>> words({"extraversion": 2.3, "neuroticism": 3.0})
        {'extraversion': 'low: quiet, reserved, likes to be alone', 'neuroticism': 'average'}
    """
    said = _norms()["words"]
    told = {}
    for trait, level in levels(scores).items():
        side = level.removeprefix("very ")
        told[trait] = f"{level}: {said[trait][side]}" if side in said[trait] else level
    return told


def big_five_attributes(*, told: bool = False) -> tuple[Attribute, ...]:
    """Return the five as attributes of a population, drawn for each person of a panel.

    Args:
        told: Whether a persona's facts tell the scores to the model.

    Example:
        >>> [one.name for one in big_five_attributes()] == list(TRAITS)
        True
    """
    bands = _norms()["bands"]
    return tuple(
        Attribute(
            trait,
            trait.capitalize(),
            "number",
            levels=tuple(bands["levels"]),
            edges=tuple(bands["edges"]),
            unit="of 5",
            measured=False,
            rule="big_five",
            told=told,
        )
        for trait in TRAITS
    )


@lru_cache(maxsize=1024)
def _average(share: float, age: float | None) -> tuple[tuple[str, float], ...]:
    """Return the average scores at an age, or at the reference age, of people of whom this share are women."""
    scale = _norms()["scale"]
    return tuple(
        (trait, scale["centre"] + scale["sd"] * ((share - 0.5) * _of_sex(trait) + _of_age(age, trait)))
        for trait in TRAITS
    )


def _of_sex(trait: str) -> float:
    """Return by how many standard deviations women differ from men, in the mean of both countries."""
    countries = _norms()["sex"].values()
    return fmean(one[trait] for one in countries)


def _of_age(age: float | None, trait: str) -> float:
    """Return by how many standard deviations people of this age differ from those of the reference age."""
    if age is None:
        return 0.0
    return (_score(trait, age) - _score(trait, _norms()["scale"]["reference"])) / _T_SD


def _score(trait: str, age: float) -> float:
    """Return the mean T score at an age, of both countries: on the line between the middles of two bands."""
    middle, means = _norms()["age"]["middle"], _means(trait)
    age = min(max(age, middle[0]), middle[-1])
    place = min(bisect_right(middle, age), len(middle) - 1)
    part = (age - middle[place - 1]) / (middle[place] - middle[place - 1])
    return float(means[place - 1] + part * (means[place] - means[place - 1]))


@cache
def _means(trait: str) -> tuple[float, ...]:
    """Return the mean T score of each age band, of both countries."""
    norms = _norms()["age"]
    return tuple(map(fmean, zip(norms["britain"][trait], norms["germany"][trait], strict=True)))


@cache
def _norms() -> dict[str, Any]:
    return tomllib.loads(data_file("populations/norms/bigfive.toml").read_text(encoding="utf-8"))


@cache
def _root() -> tuple[tuple[float, ...], ...]:
    """Return the lower triangle whose square is the correlation matrix (Cholesky), by hand: five by five, and exact."""
    given = _norms()["correlations"]
    rows: list[list[float]] = []
    for place, trait in enumerate(TRAITS):
        row = [0.0] * len(TRAITS)
        for before, other in enumerate(TRAITS[:place]):
            shared = math.fsum(row[k] * rows[before][k] for k in range(before))
            row[before] = (given[other][trait] - shared) / rows[before][before]
        row[place] = math.sqrt(1.0 - math.fsum(part * part for part in row[:place]))
        rows.append(row)
    return tuple(tuple(row) for row in rows)
