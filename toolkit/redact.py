"""Scrubbing: keys and personal data leave a text before it is logged, shown in an error or written for the books."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from toolkit.errors import InvalidInput

__all__ = ["KINDS", "Scrubber", "scrub", "scrub_data"]


def _luhn(match: re.Match[str]) -> bool:
    """Tell whether the digits pass the check-sum of payment cards (ISO/IEC 7812-1, annex B)."""
    digits = [int(one) for one in match[0] if one.isdigit()]
    total = sum(digits[-1::-2]) + sum(sum(divmod(2 * one, 10)) for one in digits[-2::-2])
    return total % 10 == 0


def _iban(match: re.Match[str]) -> bool:
    """Tell whether an account number passes its check digits (ISO 13616, modulo 97)."""
    plain = match[0].replace(" ", "")
    turned = plain[4:] + plain[:4]
    return int("".join(str(int(one, 36)) for one in turned)) % 97 == 1


def _phone(match: re.Match[str]) -> bool:
    digits = sum(one.isdigit() for one in match[0])
    return 9 <= digits <= 15  # noqa: PLR2004  # E.164 allows 15 digits; shorter runs are mostly not phones


_Rule = tuple[str, re.Pattern[str], Callable[[re.Match[str]], bool] | None]


def _rule(kind: str, pattern: str, check: Callable[[re.Match[str]], bool] | None = None, flags: int = 0) -> _Rule:
    return kind, re.compile(pattern, flags), check


# Most particular first: what one rule has masked, the next does not see.
_RULES: tuple[_Rule, ...] = (
    _rule(
        "private-key", r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", flags=re.DOTALL
    ),
    _rule("url-login", r"(?<=://)[^\s/:@]+:[^\s/@]+(?=@)"),
    _rule("key", r"\bsk-ant-[A-Za-z0-9_-]{16,}"),
    _rule("key", r"\bsk-(?:proj-|svcacct-|admin-|or-v1-)?[A-Za-z0-9_-]{16,}"),
    _rule("key", r"\bAIza[A-Za-z0-9_-]{35}"),
    _rule("key", r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"),
    _rule("key", r"\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{22,})"),
    _rule("key", r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}"),
    _rule("key", r"\b(?:hf|gsk|r8|pplx|xai|nvapi|glpat|pypi|npm|dop_v1|sk_live|rk_live|sk_test)[_-][A-Za-z0-9_-]{16,}"),
    _rule("token", r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"),
    _rule("token", r"(?<=\bbearer )[A-Za-z0-9._~+/=-]{8,}", flags=re.IGNORECASE),
    _rule("token", r"(?<=\bbasic )[A-Za-z0-9+/]{12,}={0,2}(?![A-Za-z])", flags=re.IGNORECASE),
    _rule(
        "secret",
        r"(?:(?<=api_key)|(?<=api-key)|(?<=apikey)|(?<=password)|(?<=passwd)|(?<=secret)|(?<=access_token))"
        r"[\"']?\s{0,3}[:=]\s{0,3}[\"']?[^\s\"',;}&]{6,}",
        flags=re.IGNORECASE,
    ),
    _rule("email", r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){0,4}\.[A-Za-z]{2,24}\b"),
    _rule("iban", r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b", _iban),
    _rule("card", r"(?<![\d.])(?:\d[ -]?){12,18}\d(?![\d.])", _luhn),
    _rule("phone", r"(?<![\w.+-])(?:\+|00)\d{1,3}[ .-]?(?:\(0?\d{1,4}\)[ .-]?)?(?:\d[ .-]?){5,12}\d(?![\w-])", _phone),
    _rule("phone", r"(?<![\w.-])\(?\d{3}\)?[ .-]\d{3}[ .-]\d{4}(?![\w-])", _phone),
)

KINDS: tuple[str, ...] = tuple(dict.fromkeys(kind for kind, _, _ in _RULES))
"""What is masked without further settings; each becomes ``[kind]``."""


class Scrubber:
    """Masks keys and personal data, by the built-in patterns and by the researcher's own.

    Args:
        extra: More regular expressions; what they match becomes ``[masked]``.

    Raises:
        InvalidInput: A pattern does not compile.

    Example:
        >>> Scrubber([r"P-[0-9]+"])("participant P-17 wrote from ada@example.org")
        'participant [masked] wrote from [email]'
    """

    def __init__(self, extra: Iterable[str] = ()) -> None:
        mine: list[_Rule] = []
        for pattern in extra:
            try:
                mine.append(_rule("masked", pattern))
            except re.error as error:
                raise InvalidInput(
                    f"the redaction pattern {pattern!r} is not a regular expression: {error}",
                    hint="Correct it in TOOLKIT_REDACTION_PATTERNS.",
                ) from error
        self._rules = (*mine, *_RULES)

    def __call__(self, text: str) -> str:
        """Return the text with every match replaced by its kind in brackets."""
        for kind, pattern, check in self._rules:
            mask = f"[{kind}]"
            if check is None:
                text = pattern.sub(mask, text)
            else:
                text = pattern.sub(lambda match, mask=mask, check=check: mask if check(match) else match[0], text)  # type: ignore[misc]
        return text

    def data(self, value: Any) -> Any:
        """Return a copy of JSON-like data with every text in it scrubbed, the keys of mappings too."""
        if isinstance(value, str):
            return self(value)
        if isinstance(value, Mapping):
            return {self(key) if isinstance(key, str) else key: self.data(inner) for key, inner in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.data(inner) for inner in value]
        return value


_STANDARD = Scrubber()


def scrub(text: str) -> str:
    """Return the text with keys and personal data masked by the built-in patterns.

    Example:
        >>> scrub("key sk-proj-abcdefghijklmnop1234, call +44 20 7946 0958")
        'key [key], call [phone]'
    """
    return _STANDARD(text)


def scrub_data(value: Any) -> Any:
    """Return JSON-like data with every text in it scrubbed.

    Example:
        >>> scrub_data({"to": ["ada@example.org", 3]})
        {'to': ['[email]', 3]}
    """
    return _STANDARD.data(value)
