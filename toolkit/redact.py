"""Scrubbing: keys and personal data leave a text before it is logged, shown in an error or written for the books."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from toolkit._redact_checks import (
    PLAIN,
    SHORTEST_VAGUE,
    Span,
    announced,
    basic,
    card,
    iban,
    like_a_secret,
    national,
    secret,
    token,
    with_digit,
)
from toolkit.errors import InvalidInput

__all__ = ["KINDS", "Scrubber", "scrub", "scrub_data"]

Finder = Callable[[re.Match[str]], Span | None]


class _Rule(NamedTuple):
    """One kind of thing to mask. Every pattern takes time in proportion to the text, also where nothing matches."""

    kind: str
    pattern: re.Pattern[str]
    find: Finder | None = None
    """Which part of a match to mask, or None to leave it; without it the group ``hide``, or all of the match."""
    overlap: bool = False
    """True where a match that is left may hide a true one within; its pattern must be of bounded length."""
    needs: tuple[str, ...] | re.Pattern[str] = ()
    """What cheaply rules this kind out: texts in lower case of which one must occur, or a pattern that must."""

    def may_occur(self, text: str, lowered: str, known: dict[re.Pattern[str], bool]) -> bool:
        """Tell whether it is worth looking; rules that need the same pattern look for it once."""
        if isinstance(self.needs, re.Pattern):
            if self.needs not in known:
                known[self.needs] = self.needs.search(text) is not None
            return known[self.needs]
        for need in self.needs:  # any() makes a generator, which costs more than the search
            if need in lowered:
                return True
        return not self.needs

    def mask(self, text: str) -> str:
        """Return the text with what this rule finds replaced."""
        mask = f"[{self.kind}]"
        pieces: list[str] = []
        kept = look = 0
        while look <= len(text) and (match := self.pattern.search(text, look)) is not None:
            found = self.find(match) if self.find is not None else _part(match)
            if found is None or found[0] == found[1]:
                look = max(match.start() + 1, 0 if self.overlap else match.end())
                continue
            pieces += (text[kept : found[0]], mask)
            kept = look = found[1]
        return "".join((*pieces, text[kept:])) if pieces else text


def _part(match: re.Match[str]) -> Span:
    return match.span("hide" if "hide" in match.re.groupindex else 0)


# Where a word begins: also behind the escapes of a newline in JSON or a repr, and of a character in a URL.
_LEFT = r"(?:(?<![A-Za-z0-9_])|(?<=\\[nrt])|(?<=\\u[0-9A-Fa-f]{4})|(?<=%[0-9A-F]{2}))"
_LEFT_NUMBER = r"(?:(?<![A-Za-z0-9])(?<!\d\.)|(?<=\\[nrt])|(?<=\\u[0-9A-Fa-f]{4}))"
_LEFT_PHONE = r"(?:(?<![\w.,+/-])|(?<=\\[nrt]))"
_GAP = r"[ \t\u00a0\u2009\u202f./\u2010-\u2013-]"
_CALLED = (
    r"api[_ -]?key|access[_-]?key|secret[_-]?(?:access[_-]?)?key|(?:account|private|signing|encryption)[_-]key"
    r"|client[_-]?secret|passw(?:or)?d|passwort|pwd|passphrase|(?:access|auth|refresh|session|bearer|security)[_-]?token"
)
_CALLED_VAGUELY = r"token|secret|credential"


# Seven digits close together: without them there is no phone and no card.
_DIGITS = re.compile(r"(?:\d\D{0,3}){7}")
_DIGIT = re.compile(r"\d")


def _rule(
    kind: str,
    needs: str | re.Pattern[str],
    pattern: str,
    find: Finder | None = None,
    *,
    overlap: bool = False,
    fold: bool = False,
) -> _Rule:
    wanted = tuple(needs.split()) if isinstance(needs, str) else needs
    return _Rule(kind, re.compile(pattern, re.IGNORECASE if fold else 0), find, overlap, wanted)


# Most particular first: what one rule has masked, the next does not see.
_RULES: tuple[_Rule, ...] = (
    _rule(
        "private-key",
        "-----begin",
        r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
        r"(?s:.*?)(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|\Z)",
    ),
    _rule("url-login", "://", r"://(?P<hide>[^\s/:@\"'<>]*:[^\s/\"'<>]+)@"),
    _rule("key", "://", r"://(?P<hide>[A-Za-z0-9_.~-]{16,})@", with_digit),
    _rule("key", "sk-", _LEFT + r"sk-(?:ant|proj|svcacct|admin|or)-[A-Za-z0-9_-]{16,}"),
    _rule("key", "sk-", _LEFT + r"sk-[A-Za-z0-9_]{16,}[A-Za-z0-9_-]*"),
    _rule("key", "sk-", _LEFT + r"sk-[A-Za-z0-9_-]{20,}", with_digit),
    _rule("key", "aiza", _LEFT + r"AIza[A-Za-z0-9_-]{30,}"),
    _rule("key", "gocspx- ya29.", _LEFT + r"(?:GOCSPX-|ya29\.)[A-Za-z0-9_-]{20,}"),
    _rule("key", "akia asia", _LEFT + r"(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Za-z0-9])"),
    _rule("key", "gh github_pat", _LEFT + r"(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{22,})"),
    _rule("key", "xox xapp-", _LEFT + r"(?:xox[abeoprs]|xapp)-[A-Za-z0-9-]{10,}"),
    _rule("key", "hooks.slack", r"hooks\.slack\.com/services/(?P<hide>[A-Za-z0-9/]{20,})"),
    _rule(
        "key",
        "hf_ gsk_ r8_ npm_ k_live k_test whsec_ dop_v1_",
        _LEFT + r"(?:hf|gsk|r8|npm|[rs]k_live|[rs]k_test|whsec|dop_v1)_[A-Za-z0-9]{16,}",
    ),
    _rule(
        "key",
        "pplx xai nvapi glpat pypi lsv2 tvly",
        _LEFT + r"(?:pplx|xai|nvapi|glpat|pypi|lsv2|tvly)[_-][A-Za-z0-9_-]{16,}",
        with_digit,
    ),
    _rule("key", "sg.", _LEFT + r"SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}"),
    # A JSON Web Token; a long "eyJ-eyJ-…" that is none is read once, not again at each of them.
    _rule(
        "token",
        "eyj",
        _LEFT + r"eyJ[A-Za-z0-9_-]{8,}+(?P<rest>\.[A-Za-z0-9_-]{8,}+(?:\.[A-Za-z0-9_-]*)?)?",
        token,
    ),
    _rule(
        "token",
        "authorization",
        r"authorization\\{0,3}[\"']?\s{0,3}[:=,]\s{0,3}b?\\{0,3}[\"']?"
        r"(?:(?:bearer|basic|digest|token|apikey|negotiate)\s{1,3})?"
        r"(?P<hide>(?!(?:bearer|basic|digest|token|apikey|negotiate)\b)[^\s\"',\\\[]{6,})",
        fold=True,
    ),
    _rule("token", "bearer", _LEFT + r"bearer\s{1,3}(?P<hide>[A-Za-z0-9._~+/=-]{8,})", with_digit, fold=True),
    _rule("token", "basic", _LEFT + r"basic\s{1,3}(?P<hide>[A-Za-z0-9+/]{8,}={0,2})", basic, fold=True),
    _rule(
        "token",
        "cookie",
        r"cookie\\{0,3}[\"']?\s{0,3}:\s{0,3}\\{0,3}[\"']?(?P<hide>[\w.-]{1,64}=[^\"'\r\n]+)",
        fold=True,
    ),
    _rule(
        "secret",
        "key pass pwd secret token credential",
        rf"(?:{_CALLED}|(?P<vague>{_CALLED_VAGUELY}))\\{{0,3}}[\"'`]?"
        r"(?:\s{0,3}[:=]{1,2}>?|(?P<is>\s{1,3}is\b:?))\s{0,3}"
        r"(?:[bfru]{0,2}(?P<escape>\\{0,3})(?P<quote>[\"'`]))?",
        secret,
        overlap=True,
        fold=True,
    ),
    _rule(
        "email",
        "@ %40",
        r"(?:(?<![\w.+\\-])|(?<=\\[nrt])|(?<=\\)(?![nrt]|u[0-9a-fA-F]{4}))"
        r"(?:[\w.+-]|\\{1,4}u[0-9a-fA-F]{4})++(?:@|%40)(?:(?:[\w-]|\\{1,4}u[0-9a-fA-F]{4})++\.)+"
        r"(?!(?:png|jpe?g|gif|webp|svg)\b)(?:xn--[a-z0-9-]{2,59}|[^\W\d_]{2,24})(?![^\W_])",
    ),
    _rule(
        "iban",
        re.compile(r"\d\d(?<=[A-Za-z]{2}\d\d)"),  # digits first: they are rare
        r"(?=[A-Z]{2}\d{2})" + _LEFT + r"[A-Z]{2}\d{2}(?:[ \u00a0-]?[A-Z0-9]){11,30}",
        iban,
        overlap=True,
        fold=True,
    ),
    _rule(
        "card",
        _DIGITS,
        r"(?=[2-68]\d{3})" + _LEFT_NUMBER + r"\d{4,19}(?!\d)(?:[ \u00a0.\u2010-\u2013-]{1,2}\d{2,7}(?!\d)){0,5}",
        card,
        overlap=True,
    ),
    # E.164: at most 15 digits; the trunk zero may stand in brackets.
    _rule("phone", "+", rf"(?<![\d+])\+ ?\(?[1-9](?:(?:{_GAP}|[()]){{0,3}}\d){{8,14}}"),
    _rule("phone", "00", rf"00[1-9](?:(?<![\w.,/-]00\d)|(?<=\\[nrt]00\d))(?:(?:{_GAP}|[()]){{0,3}}\d){{9,14}}"),
    _rule(
        "phone",
        _DIGITS,
        rf"(?=[\d(]){_LEFT_PHONE}(?:1[ .-])?"
        rf"(?:\(\d{{3}}\){_GAP}?\d{{3}}{_GAP}|\d{{3}}([.-])\d{{3}}\1|[2-9]\d\d \d{{3}}[ -])\d{{4}}(?![A-Za-z0-9])",
    ),
    _rule("phone", _DIGITS, rf"(?=1[3-9]){_LEFT_PHONE}1[3-9]\d([ -])\d{{4}}\1\d{{4}}(?![A-Za-z0-9])"),
    _rule(
        "phone",
        _DIGITS,
        rf"(?=[0(]){_LEFT_PHONE}\(?0[1-9](?:(?:{_GAP}|[()]){{0,3}}\d){{7,10}}(?![A-Za-z0-9])",
        national,
        overlap=True,
    ),
    _rule(
        "phone",
        _DIGITS,
        rf"\((?:0\d{{1,5}}|[1-9]\d{{1,2}})\){_GAP}{{0,2}}\d{{2,5}}(?:{_GAP}\d{{2,5}}){{1,3}}(?![A-Za-z0-9])",
        national,
        overlap=True,
    ),
    _rule(
        "phone",
        "tel fon phone mobile whatsapp fax móvil movil",
        r"(?<![A-Za-z])(?:tele?|t[ée]l[ée](?:phone|fono)|telefon\w?|(?:tele|cell|mobile |smart)?phone|mobile|whatsapp"
        r"|fax|m[óo]vil)(?:[_ ]?(?:number|no|nr))?[\s:.#=\"'\\]{1,6}(?:is\s)?"
        r"(?P<hide>\+?\(?\d(?:[ \u00a0()./\u2010-\u2013-]{0,3}\d){6,14})(?![A-Za-z0-9])",
        announced,
        fold=True,
    ),
)

KINDS: tuple[str, ...] = tuple(dict.fromkeys(rule.kind for rule in _RULES))
"""What is masked without further settings; each becomes ``[kind]``."""


_WITHOUT_DIGITS = {rule.needs: False for rule in _RULES if isinstance(rule.needs, re.Pattern)}
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|[+-]\d\d:\d\d)?")
"""A time (ISO 8601), of which every event has one; its digits look like a phone's or a card's at first."""
_SHORT = 64
"""Characters of a text that is worth remembering as clean."""
_MOST_KEPT = 4096
"""Clean texts that a scrubber remembers."""


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
        if isinstance(extra, str):
            raise InvalidInput(
                f"the redaction patterns are one text, {extra!r}, and not a list", hint="Put it into a list."
            )
        self._rules = (*(_own(pattern) for pattern in extra), *_RULES)
        self._clean: set[str] = set()

    def __call__(self, text: str) -> str:
        """Return the text with every match replaced by its kind in brackets."""
        if text in self._clean or _TIME.fullmatch(text):
            return text
        clean, lowered = text, text.lower()
        # What is masked on the way brings nothing new, and all patterns that rule something out ask for digits.
        known = {} if _DIGIT.search(text) else dict(_WITHOUT_DIGITS)
        for rule in self._rules:
            if rule.may_occur(clean, lowered, known):
                clean = rule.mask(clean)
        if clean is text and len(text) <= _SHORT:
            self._remember(text)
        return clean

    def _remember(self, text: str) -> None:
        """Keep a short text that held nothing: names of fields, people and stages come again with every event."""
        if len(self._clean) >= _MOST_KEPT:
            self._clean.clear()
        self._clean.add(text)

    def data(self, value: Any) -> Any:
        """Return a copy of JSON-like data with every text in it scrubbed, the keys of mappings too.

        A text under a name such as ``password`` is masked whatever it looks like. Two keys that are masked alike stay
        two: the second becomes ``[email] 2``.
        """
        if isinstance(value, str):
            return self(value)
        if value is None or isinstance(value, int | float):
            return value
        if isinstance(value, dict | Mapping):  # a dict first, which is told at once
            return self._mapping(value)
        if isinstance(value, list | tuple):
            return [self.data(inner) for inner in value]
        return value

    def _mapping(self, value: Mapping[Any, Any]) -> dict[Any, Any]:
        clean: dict[Any, Any] = {}
        for key, inner in value.items():
            name = self(key) if isinstance(key, str) else key
            fresh, count = name, 1
            while fresh in clean:
                count += 1
                fresh = f"{name} {count}"
            clean[fresh] = (
                self._named(key, inner) if isinstance(key, str) and isinstance(inner, str) else self.data(inner)
            )
        return clean

    def _named(self, name: str, text: str) -> str:
        """Scrub a text that stands under a name, as it would be scrubbed behind that name in one line."""
        secret_name, vague_name, phone_name = _said_of(name)
        if secret_name and text and not PLAIN.fullmatch(text):
            clean = self(text)
            return clean if clean != text and PLAIN.fullmatch(clean) else "[secret]"
        if vague_name and like_a_secret(text, SHORTEST_VAGUE) and " " not in text:
            return "[secret]"
        if phone_name and _PHONE_VALUE.fullmatch(text):
            return "[phone]"
        return self(text)


@lru_cache(maxsize=4096)
def _said_of(name: str) -> tuple[bool, bool, bool]:
    """Return whether a name says of its value that it is a secret, may be one, or is a phone number.

    The same few names come with every event.
    """
    return tuple(one.search(name) is not None for one in (_NAME, _VAGUE_NAME, _PHONE_NAME))  # type: ignore[return-value]


_NAME = re.compile(rf"(?:{_CALLED})\Z", re.IGNORECASE)
_VAGUE_NAME = re.compile(rf"(?:{_CALLED_VAGUELY}|authorization)\Z", re.IGNORECASE)
_PHONE_NAME = re.compile(r"(?:phone|mobile|whatsapp|fax|telephone)(?:_?(?:number|no))?\Z", re.IGNORECASE)
_PHONE_VALUE = re.compile(rf"\+?\(?\d(?:(?:{_GAP}|[()]){{0,3}}\d){{6,14}}")


def _own(pattern: str) -> _Rule:
    try:
        return _Rule("masked", re.compile(pattern))
    except (re.error, TypeError, OverflowError, RecursionError) as error:
        raise InvalidInput(
            f"the redaction pattern {pattern!r} is not a regular expression: {error}",
            hint="Correct it in TOOLKIT_REDACTION_PATTERNS.",
        ) from error


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
