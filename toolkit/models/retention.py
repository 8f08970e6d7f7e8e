"""How long a provider keeps prompt prefixes: three words of ours, and what each becomes for each model."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal, get_args

from toolkit.errors import InvalidInput

__all__ = ["PARAMETERS", "READ", "TABLE", "Retention", "Rule", "checked_retention", "retention_for", "shortfall"]

Retention = Literal["in_memory", "24h", "off"]

READ = "2026-11-21"
"""When the table was read: the provider's guide to prompt caching and the request types of ``openai`` 3.54."""

PARAMETERS = ("prompt_cache_retention", "prompt_cache_options")
"""The parameters in which one of the words is sent."""

_Sent = Mapping[str, Any]
_NOTHING: _Sent = MappingProxyType({})
_IN_MEMORY: _Sent = MappingProxyType({"prompt_cache_retention": "in_memory"})
_DAY: _Sent = MappingProxyType({"prompt_cache_retention": "24h"})
_HALF_HOUR: _Sent = MappingProxyType({"prompt_cache_options": {"mode": "implicit", "ttl": "30m"}})

_VERSION = re.compile(r"gpt-(\d+)(?:\.(\d+))?(?=-|$)")
_SNAPSHOT = r"(?:-\d{4}-\d{2}-\d{2})?$"


@dataclass(frozen=True, slots=True)
class Rule:
    """What is sent to one family of models."""

    models: str
    """Which, in words."""
    in_memory: _Sent
    """For ``in_memory``; empty for nothing."""
    day: _Sent
    """For ``24h``; empty for nothing."""
    since: tuple[int, int] | None = None
    """The first version of ``gpt-N.N`` that it holds for."""
    named: str = ""
    """A regular expression for names without such a version."""

    def holds(self, name: str) -> bool:
        """Tell whether a model, by its name at the provider, is one of them."""
        if self.since is None:
            return re.match(self.named, name) is not None
        found = _VERSION.match(name)
        return found is not None and (int(found[1]), int(found[2] or 0)) >= self.since


TABLE = (
    Rule("gpt-5.6 and later", in_memory=_HALF_HOUR, day=_HALF_HOUR, since=(5, 6)),
    Rule("gpt-5.5", in_memory=_NOTHING, day=_DAY, since=(5, 5)),
    Rule("gpt-5.1 to gpt-5.4", in_memory=_IN_MEMORY, day=_DAY, since=(5, 1)),
    Rule("gpt-5, gpt-5-codex, gpt-4.1", in_memory=_IN_MEMORY, day=_DAY, named=rf"gpt-(?:5(?:-codex)?|4\.1){_SNAPSHOT}"),
    Rule(
        "gpt-5-mini and -nano, gpt-4.1-mini and -nano, gpt-4o, o1, o3, o4",
        in_memory=_IN_MEMORY,
        day=_NOTHING,
        named=r"gpt-(?:5|4\.1)-(?:mini|nano)|gpt-4o|o[134](?:-|$)",
    ),
    Rule("gpt-4, gpt-3.5", in_memory=_NOTHING, day=_NOTHING, named=r"gpt-(?:4|3\.5)(?:-|$)"),
    Rule("any other", in_memory=_IN_MEMORY, day=_DAY, named=""),
)
"""The first that holds decides. gpt-5.5 answers 400 to ``in_memory``; from gpt-5.6 on the one lifetime is 30 minutes at
least; models before gpt-4o keep no prefixes at all."""


def retention_for(model: str, word: Retention) -> _Sent:
    """Return the parameters that say a word to a model; empty where there is nothing to say.

    Args:
        model: Its name at the provider; a fine-tuned model (``ft:…``) counts as what it was made from.
        word: ``in_memory``, ``24h`` or ``off``.

    Example:
        >>> dict(retention_for("gpt-5.4", "24h"))
        {'prompt_cache_retention': '24h'}
        >>> dict(retention_for("gpt-5.6-mini", "in_memory"))
        {'prompt_cache_options': {'mode': 'implicit', 'ttl': '30m'}}
        >>> dict(retention_for("gpt-5.5", "in_memory")), dict(retention_for("gpt-5.4", "off"))
        ({}, {})
    """
    if word == "off":
        return _NOTHING
    name = model.removeprefix("ft:").partition(":")[0]
    rule = next(rule for rule in TABLE if rule.holds(name))
    return rule.in_memory if word == "in_memory" else rule.day


def shortfall(model: str, word: Retention) -> str:
    """Return what a study that wants 24 hours must know where the model does not offer them; else nothing.

    Example:
        >>> shortfall("gpt-5-mini", "24h")
        'gpt-5-mini keeps no prompt prefix for 24 h, so retention="24h" was not sent'
        >>> shortfall("gpt-5.4", "24h")
        ''
    """
    sent = retention_for(model, word)
    if word != "24h" or sent == _DAY:
        return ""
    if sent == _HALF_HOUR:
        return f'{model} keeps prompt prefixes for 30 minutes and promises no more, whatever retention="{word}" asks'
    return f'{model} keeps no prompt prefix for 24 h, so retention="{word}" was not sent'


def checked_retention(word: str) -> Retention:
    """Return the word where it is one of the three.

    Raises:
        InvalidInput: It is not.
    """
    for known in get_args(Retention):
        if word == known:
            found: Retention = known
            return found
    raise InvalidInput(f"retention is {word!r}", hint='Write "in_memory", "24h" or "off".')
