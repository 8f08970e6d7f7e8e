"""What written text says against the sampled facts: ages, sexes, and fields that repeat an attribute.

Only statements about the persona count: its own name, "I", or a pronoun of its sex that nobody else in sight could
claim, in the present. Whatever is unsure is let through; a false alarm costs a paid reply.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from toolkit.personas.attribute import Wording

__all__ = ["SEXES", "Known", "in_fields", "in_text"]

_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_DECADES = ("twenties", "thirties", "forties", "fifties", "sixties", "seventies", "eighties", "nineties")
_UNITS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_SPELLED = {ten: 20 + 10 * place for place, ten in enumerate(_TENS)} | {
    f"{ten}-{unit}": 21 + 10 * place + more for place, ten in enumerate(_TENS) for more, unit in enumerate(_UNITS)
}
_PART = {"": (0, 9), "early": (0, 4), "mid": (3, 7), "late": (6, 9)}  # years into a decade, generously

_AGE_WORDS = frozenset((*_TENS, *_DECADES))
_WORD, _DIGIT = re.compile(r"[a-z]+"), re.compile(r"\d")
_SELF = "Zpersona"
"""Stands for the persona's own name while a text is searched, so that patterns are compiled once and not per person."""

_NUMBER = rf"(?P<age>\d{{1,3}}|(?:{'|'.join(_TENS)})(?:[- ](?:{'|'.join(_UNITS)}))?)"
_YEARS_OLD = rf"{_NUMBER}(?:[- ]years?[- ]old|[- ]year[- ]olds?)\b"
_DECADE = (
    rf"in (?:her|his|their|my) (?:(?P<part>early|mid|late)[- ](?:to late )?)?"
    rf"(?P<decade>{'|'.join(_DECADES)}|[2-9]0['\u2019]?s)\b"
)
# "she's" is "she is", but "Maria's" may belong to somebody else's age.
_IS = (
    r"(?:\s+(?:is|am)|(?:(?<=\bI)|(?<=\bhe)|(?<=\bshe))['\u2019](?:s|m))"
    r"(?:\s+(?:now|currently|only|just))?\s+"
)
# Up to four words between the article and what the persona is, none of which begins another thought.
_BETWEEN = (
    r"(?:(?!(?:of|with|in|on|for|to|at|from|by|and|or|the|an?|who|whose|that|his|her|their|my|our|not|like|is|are|was|\w+ing)\b)"
    r"[\w'\u2019-]+,?\s+){0,4}?"
)
_WOMAN = "woman|girl|lady|mother|mom|grandmother|wife|housewife|widow|businesswoman"
_MAN = "man|boy|gentleman|father|dad|grandfather|husband|househusband|widower|businessman"
_PERSON = (
    rf"{_WOMAN}|{_MAN}|adult|american|person|parent|retiree|student|worker|nurse|teacher|engineer|clerk|cook|driver|"
    r"manager|resident|native|professional|mechanic|cashier|electrician|carpenter|accountant|farmer|veteran"
)
_OTHERS = re.compile(
    rf"\b(?:{_WOMAN}|{_MAN}|son|daughter|child|children|kids?|baby|brother|sister|sibling|twins?|uncle|aunt|cousin|"
    r"niece|nephew|grandson|granddaughter|grandchild(?:ren)?|grandparents?|parents?|partner|friend|neighbou?r|boss|"
    r"colleague|coworker|dog|cat|pet|horse|car|truck|house|home|business|company)s?\b",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"(?<=[.!?;])(?<!\bMr\.)(?<!\bMs\.)(?<!\bMrs\.)\s+|\n+")
_PAST = re.compile(r"\b(?:was|were|had|did|went|left|began|became|met|came|took|made|got|\w{2,}ed)\b", re.IGNORECASE)
SEXES = {
    "female": "female", "woman": "female", "girl": "female", "f": "female",
    "male": "male", "man": "male", "boy": "male", "m": "male",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Known:
    """What is certain of a persona."""

    name: str
    attributes: Mapping[str, Any]
    wording: Mapping[str, Wording]
    levels: Mapping[str, tuple[str, ...]]
    """Levels of the categories, where they are known; a value may then name one in more words."""

    @property
    def age(self) -> int | float | None:
        """The sampled age in years."""
        age = self.attributes.get("age")
        return age if isinstance(age, int | float) and not isinstance(age, bool) else None

    @property
    def sex(self) -> str | None:
        """``female`` or ``male``, where it was sampled as such."""
        return SEXES.get(str(self.attributes.get("sex", self.attributes.get("gender", ""))).casefold())


def in_fields(fields: Mapping[str, Any], known: Known) -> Iterator[str]:
    """Yield the contradictions in written fields: a repeated attribute with another value, and those in their text."""
    names = {_plain(name): name for name in known.attributes}
    names |= {_plain(word.label): name for name, word in known.wording.items() if name in known.attributes}
    silent = not any(_may_say("\n".join(text for value in fields.values() for text in _texts(value)), known))
    for field, value in fields.items():
        attribute = names.get(_plain(field))
        if attribute is not None:
            if not _agrees(value, attribute, known):
                told = known.wording.get(attribute, Wording(attribute)).value(known.attributes[attribute])
                yield f"{field} is {value!r}, but {attribute} was sampled as {told!r}"
            continue
        for text in () if silent else _texts(value):
            for reason in in_text(text, known):
                yield f"{field}: {reason}"


def in_text(text: str, known: Known) -> Iterator[str]:
    """Yield the contradictions in one text."""
    ages, sexes = _may_say(text, known)
    if not (ages or sexes):
        return
    age, sex = known.age, known.sex
    masked = _masked(text, known.name)
    if ages and age is not None:
        yield from _ages(masked, known, age)
    if sexes and sex is not None:
        yield from _sexes(masked, known, sex)


def _may_say(text: str, known: Known) -> tuple[bool, bool]:
    """Return whether a text holds a word that could say an age, or the other sex; most hold none."""
    age, sex = known.age, known.sex
    words = _WORD.findall(text.lower())
    ages = age is not None and (not _AGE_WORDS.isdisjoint(words) or _has_digit(text))
    return ages, sex is not None and not _sex_words(sex).isdisjoint(words)


def _has_digit(text: str) -> bool:
    """Return whether a text holds a digit; ten looks for one character are faster than one for any of ten."""
    return any(digit in text for digit in "0123456789") or (not text.isascii() and _DIGIT.search(text) is not None)


def _masked(text: str, name: str) -> str:
    """Return the text with the persona's full name or first name masked; the surname may be a relative's."""
    for own in dict.fromkeys([name, name.split(maxsplit=1)[0]]):
        if own in text:
            text = re.sub(rf"\b{re.escape(own)}\b", _SELF, text)
    return text


def _ages(text: str, known: Known, age: float) -> Iterator[str]:
    seen: set[str] = set()
    for match in _statements(text, _age_patterns(known.sex)):
        low, high = _range(match)
        if not low <= age <= high and match["said"] not in seen:
            seen.add(match["said"])
            yield f"the text says {_said(match, known)}, but age was sampled as {age:g}"


def _sexes(text: str, known: Known, sex: str) -> Iterator[str]:
    for match in _statements(text, _sex_patterns(sex)):
        yield f"the text says {_said(match, known)}, but sex was sampled as {sex!r}"
    ours, theirs = (r"she|her|hers|herself", r"He") if sex == "female" else (r"he|him|his|himself", r"She")
    begun = re.findall(rf"(?:^|[.!?]\s+){theirs}\b", text)
    if len(begun) > 1 and not re.search(rf"\b(?:{ours})\b", text, re.IGNORECASE) and not _OTHERS.search(text):
        yield f"the text says {theirs.lower()!r} throughout, but sex was sampled as {sex!r}"


def _said(match: Mapping[str, str], known: Known) -> str:
    return repr(match["said"].strip().replace(_SELF, known.name))


@lru_cache(maxsize=8)
def _sex_words(sex: str) -> frozenset[str]:
    """Return the words of which a text must hold one to say the other sex."""
    return frozenset((_MAN + "|mr|he" if sex == "female" else _WOMAN + "|mrs|ms|miss|she").split("|"))


@lru_cache(maxsize=8)
def _sex_patterns(sex: str) -> tuple[re.Pattern[str], ...]:
    other = _MAN if sex == "female" else _WOMAN
    title = r"mr" if sex == "female" else r"mrs|ms|miss"
    return _compiled(
        rf"(?P<subject>{_subject(sex)}){_IS}(?P<said>an?\s+{_BETWEEN}(?:{other}))\b(?![-'\u2019])",
        rf"(?P<subject>^)(?P<said>As an?\s+{_BETWEEN}(?:{other}))\b(?=,|\s+I\b)",
        rf"(?P<said>(?P<subject>\b(?:{title})\.?\s+{_SELF}))\b",
    )


@lru_cache(maxsize=8)
def _age_patterns(sex: str | None) -> tuple[re.Pattern[str], ...]:
    me, name = _subject(sex), rf"\b{_SELF}"
    of_person = rf"(?=\s+(?:[\w-]+\s+){{0,2}}(?:{_PERSON})\b)"
    return _compiled(
        rf"(?P<subject>{me}){_IS}(?:an?\s+{_BETWEEN})?(?P<said>{_YEARS_OLD})",
        rf"(?P<subject>{me}){_IS}(?P<said>{_NUMBER})(?=[,;.!?](?!\d)|\s+and\b|$)",
        rf"(?P<subject>{name}),\s+(?:an?\s+{_BETWEEN})?(?P<said>{_YEARS_OLD})",
        rf"(?P<subject>{name})(?:,\s+(?:aged?\s+)?(?P<said>{_NUMBER})(?=[,;.]|$)|\s+\((?:aged?\s+)?(?P<said2>\d+)\))",
        rf"(?P<subject>^)(?:As\s+)?(?:an?\s+{_BETWEEN})?(?P<said>{_YEARS_OLD}){of_person}",
        rf"(?P<subject>^)\W*(?P<said>age\s*[:=]\s*{_NUMBER})\b",
        rf"(?P<subject>{me}){_IS}(?:an?\s+{_BETWEEN})?(?P<said>{_DECADE})",
        rf"(?P<subject>^)(?:an?\s+){_BETWEEN}(?:{_PERSON})\s+(?P<said>{_DECADE}|aged\s+{_NUMBER})",
    )


def _compiled(*patterns: str) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(pattern, re.IGNORECASE) for pattern in patterns)


def _statements(text: str, patterns: Sequence[re.Pattern[str]]) -> Iterator[dict[str, str]]:
    """Yield what the patterns find about the persona, sentence by sentence."""
    others_before = False
    for place, sentence in enumerate(_SENTENCE_END.split(text)):
        for pattern in patterns:
            for match in pattern.finditer(sentence):
                found = {key: value for key, value in match.groupdict().items() if value is not None}
                before = sentence[: match.start()]
                if found["subject"]:
                    sure = not _is_pronoun(found["subject"]) or not (others_before or _OTHERS.search(before))
                else:
                    sure = _opens(match, sentence, first=place == 0)
                if sure and not _is_quoted(before):
                    found.setdefault("said", found.get("said2", ""))
                    yield found
        others_before = _OTHERS.search(sentence) is not None and _SELF not in sentence


def _opens(match: re.Match[str], sentence: str, *, first: bool) -> bool:
    """Return whether an opening without a subject is about the persona now: the first words of a text, or "As a …"."""
    if match[0].lower().startswith("as "):
        return _PAST.search(sentence[match.end() :]) is None
    return first


def _range(found: Mapping[str, str]) -> tuple[float, float]:
    """Return the lowest and highest age a statement allows."""
    decade = found.get("decade", "").lower()
    if decade:
        start = 20 + 10 * _DECADES.index(decade) if decade in _DECADES else int(decade[:2])
        low, high = _PART[found.get("part", "").lower()]
        return start + low, start + high
    number = found.get("age", found["said"]).lower().replace(" ", "-")
    value = int(number) if number.isdecimal() else _SPELLED[number]
    return value, value


def _subject(sex: str | None) -> str:
    pronouns = {"female": "she", "male": "he"}.get(sex or "", "she|he")
    return rf"(?:\b{_SELF}|\b(?:I|{pronouns}))"


def _is_pronoun(subject: str) -> bool:
    return subject.lower() in {"she", "he"}


def _is_quoted(before: str) -> bool:
    """Return whether a statement stands inside quotation marks, so that someone else may be speaking."""
    return before.count('"') % 2 == 1 or before.count("“") > before.count("”")


def _agrees(value: Any, attribute: str, known: Known) -> bool:
    sampled = known.attributes[attribute]
    if value == sampled:
        return True
    if sampled is None:
        return value is None or _plain(str(value)) == _plain(known.wording.get(attribute, Wording(attribute)).missing)
    if isinstance(sampled, int | float):
        numbers = re.findall(r"\d+(?:\.\d+)?", str(value).replace(",", ""))
        return [float(number) for number in numbers] == [float(sampled)]
    if attribute in {"sex", "gender"} and known.sex is not None:
        return SEXES.get(_plain(str(value))) == known.sex
    said = _plain(str(value))
    named = [level for level in (*known.levels.get(attribute, ()), str(sampled)) if _holds(said, _plain(level))]
    return max(named, key=len, default=None) == str(sampled)


def _holds(said: str, level: str) -> bool:
    return re.search(rf"\b{re.escape(level)}\b", said) is not None


@lru_cache(maxsize=4096)
def _plain(text: str) -> str:
    return " ".join(re.split(r"[\s_]+", text.casefold().strip()))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | tuple):
        for one in value:
            yield from (one,) if isinstance(one, str) else _texts(one)
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _texts(one)
