"""What is known of a model behind an OpenAI-compatible endpoint by its name, where nobody says."""

from __future__ import annotations

import re

from toolkit.models.model import Abilities

__all__ = ["abilities_of"]

_WITHOUT_LOGPROBS = re.compile(r"o\d(?=-|$)|gpt-5(?:-(?!chat)|$)")
"""OpenAI's models that always reason, as of 2026-11: o1 to o4 and gpt-5 with its mini, nano, pro and codex. They refuse
``logprobs`` with HTTP 400 (OpenAI's guide to reasoning, "Limitations"; the maintainers of inspect_ai in #2739 and of
deepeval in #2805 say the same). From gpt-5.1 on they come where the effort is ``none``, which is that family's own
default, so those are asked; one that refuses is told of in the error."""


def abilities_of(name: str) -> Abilities:
    """Return what a model can do, by its name at the provider, with or without a gateway's prefix.

    Example:
        >>> [abilities_of(name).logprobs for name in ("gpt-5-mini", "openai/o3", "gpt-4.1-mini", "gpt-5-chat-latest")]
        [False, False, True, True]
    """
    return Abilities(logprobs=_WITHOUT_LOGPROBS.match(name.rpartition("/")[2]) is None)
