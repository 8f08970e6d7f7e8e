"""What decides whether a text that looks like a key or an account is one; ``redact`` holds the patterns."""

from __future__ import annotations

import base64
import binascii
import re

__all__ = [
    "PLAIN",
    "SHORTEST_VAGUE",
    "Span",
    "announced",
    "basic",
    "card",
    "iban",
    "like_a_secret",
    "national",
    "secret",
    "token",
    "with_digit",
]

Span = tuple[int, int]
"""Which part of the text to mask: start and end."""

_DIGIT = re.compile(r"\d")


def with_digit(match: re.Match[str]) -> Span | None:
    """Take what holds a digit: keys do, words do not (``bearer of good news``, ``sk-learn-contrib-…``)."""
    start, end = match.span("hide" if "hide" in match.re.groupindex else 0)
    return (start, end) if _DIGIT.search(match.string, start, end) else None


def token(match: re.Match[str]) -> Span | None:
    """Take a token of at least two parts."""
    return match.span() if match["rest"] else None


def basic(match: re.Match[str]) -> Span | None:
    """Take what decodes to ``user:password`` (RFC 7617); ``basic understanding`` does not."""
    coded = match["hide"].rstrip("=")
    try:
        plain = base64.b64decode(coded + "=" * (-len(coded) % 4), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
    return match.span("hide") if ":" in plain and plain.isprintable() else None


PLAIN = re.compile(
    r"(?:none|null|nil|true|false|str|string|bytes|int|bool|optional|required|\*+|secretstr\b.*|\[[a-z-]+\])[,;:.)}\]|]*",
    re.IGNORECASE,
)
_BARE = re.compile(r"[^\s\"'`&<>]{1,200}")
_LONGEST_SECRET = 500
_SHORTEST_SECRET = 3
SHORTEST_VAGUE = 8


def secret(match: re.Match[str]) -> Span | None:
    """Find the value that follows a name such as ``password``: to its closing quote, or to the next blank."""
    text, start = match.string, match.end()
    if match["quote"]:
        end = _closing(text, start, match["quote"], len(match["escape"]))
    else:
        bare = _BARE.match(text, start)
        end = start + len(bare[0].rstrip(",;.)}]\\")) if bare else start
        if bare and PLAIN.fullmatch(bare[0]):
            return None
    value = text[start:end]
    if len(value) < _SHORTEST_SECRET or PLAIN.fullmatch(value):
        return None
    if (match["vague"] or match["is"]) and not like_a_secret(value, SHORTEST_VAGUE if match["vague"] else 0):
        return None
    return start, end


def like_a_secret(value: str, shortest: int) -> bool:
    return len(value) >= shortest and _DIGIT.search(value) is not None


def _closing(text: str, start: int, quote: str, escape: int) -> int:
    """Return where a quoted value ends; inside JSON in JSON the closing quote carries backslashes itself."""
    last = min(len(text), start + _LONGEST_SECRET)
    at = text.find(quote, start, last)
    while at != -1:
        before = at - len(text[start:at].rstrip("\\")) - start
        if before == escape or (not escape and before % 2 == 0):
            return at - escape
        at = text.find(quote, at + 1, last)
    return last


# Prefixes and lengths of the networks in use (ISO/IEC 7812; the networks' own published ranges).
_NETWORKS = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})"  # Visa
    r"|(?:5[1-5]\d\d|222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)\d{12}"  # Mastercard
    r"|3[47]\d{13}"  # American Express
    r"|3(?:0[0-5]|095|[689]\d)\d{11}"  # Diners Club
    r"|35(?:2[89]|[3-8]\d)\d{12,15}"  # JCB
    r"|(?:6\d|8[12]|508)\d{13,14}"  # Discover, UnionPay, RuPay and others, with 16 digits
    r"|62\d{15,17}"  # UnionPay
    r"|220[0-4]\d{12,15}"  # Mir
    r"|(?:5018|5020|5038|5893|6304|6759|676[1-3])\d{8,15}",  # Maestro
    re.ASCII,
)
_GROUP = re.compile(r"\d+")
_GOES_ON = re.compile(r"[A-Za-z]|\.?\d")


def card(match: re.Match[str]) -> Span | None:
    """Take the longest run of digit groups that is a card number, by check-sum and by its network's form."""
    digits, found = "", None
    for group in _GROUP.finditer(match[0]):
        digits += group[0] if group[0].isascii() else "".join(str(int(one)) for one in group[0])
        end = match.start() + group.end()
        if _NETWORKS.fullmatch(digits) and _luhn(digits) and not _GOES_ON.match(match.string, end):
            found = match.start(), end
    return found


def _luhn(digits: str) -> bool:
    """Tell whether the digits pass the check-sum of payment cards (ISO/IEC 7812-1, annex B)."""
    numbers = [int(one) for one in digits]
    return (sum(numbers[-1::-2]) + sum(sum(divmod(2 * one, 10)) for one in numbers[-2::-2])) % 10 == 0


# Length of an account number by country (SWIFT, IBAN registry).
_REGISTRY = """
    AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 EG29 ES24
    FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32
    LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24
    RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30
"""
_IBAN_LENGTHS = {code[:2]: int(code[2:]) for code in _REGISTRY.split()}


def iban(match: re.Match[str]) -> Span | None:
    """Take as many characters as the country's account numbers have, if they pass the check digits (ISO 13616)."""
    text = match[0].upper()
    length = _IBAN_LENGTHS.get(text[:2], 0)
    places = [place for place, one in enumerate(text) if one.isalnum()]
    if not length or len(places) < length:
        return None
    plain = "".join(text[place] for place in places[:length])
    end = match.start() + places[length - 1] + 1
    if match.string[end : end + 1].isalnum() or not plain.isascii():
        return None
    return (match.start(), end) if int("".join(str(int(one, 36)) for one in plain[4:] + plain[:4])) % 97 == 1 else None


_NO_PHONE = re.compile(
    r"\D?\d{1,2}[./-]\d{1,2}[./-](?:19|20)\d\d(?!\d)"  # a date
    r"|\D?(?:19|20)\d\d[./-][01]?\d[./-][0-3]?\d(?!\d)"
    r"|\(\d+\)\D?(?:19|20)\d\d\D(?:19|20)\d\d(?!\d)"  # years, or a volume and its years
    r"|[0-2]\d\.[0-5]\d\D{1,3}[0-2]\d\.[0-5]\d(?!\d)"  # opening hours
    r"|\d{5}-\d{4}(?!\d)"  # a ZIP code
)
_ISBN_BEFORE = re.compile(r"\bisbn[-: 013(]*\Z", re.IGNORECASE)
_LONE_DIGIT = re.compile(r"(?<!\d)\d(?!\d)")
_FEWEST = 9


def national(match: re.Match[str]) -> Span | None:
    """Take what has a national number's digits and is not a date, hours, a ZIP code, an ISBN or a list of numbers."""
    text = match[0]
    digits = sum(one.isdigit() for one in text)
    if digits < _FEWEST or _NO_PHONE.match(text) or _LONE_DIGIT.search(text):
        return None
    before = match.string[max(0, match.start() - 16) : match.start()]
    return None if _ISBN_BEFORE.search(before) else match.span()


def announced(match: re.Match[str]) -> Span | None:
    """Take the digits behind a word such as ``phone:``, unless they are a date."""
    return None if _NO_PHONE.match(match["hide"]) else match.span("hide")
