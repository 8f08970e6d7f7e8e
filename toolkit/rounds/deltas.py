"""What prose says about a character's state: documented heuristics, no model.

Only what a text says of the one who speaks or acts counts: sentences in the first person, and stage directions between
asterisks or parentheses (in the third person, about the speaker). What is in quotes, asked, denied, supposed, past or a
habit is passed over. Of two statements about one thing the later one counts.

- mood: "I am, I'm, I feel", in directions "is, feels, looks, seems, grows", before a word of the list of moods;
- location: a verb of motion and "to, into, onto, towards"; sitting, standing or waiting "at, by, in, on, near";
- clothing: putting on, pulling on, changing into, wearing;
- activity: beginning or going on "to do" or "doing"; in directions any "is doing";
- intentions: "I will, I'll, I am going to, I want to, I plan to"; in directions "decides to, means to, plans to".
"""

from __future__ import annotations

import re
from collections.abc import Iterator

__all__ = ["MOOD_WORDS", "inferred"]

MOOD_WORDS = frozenset({
    "afraid", "agitated", "alarmed", "amused", "angry", "annoyed", "anxious", "ashamed", "at ease", "attentive",
    "bitter", "bored", "calm", "careful", "cautious", "cheerful", "cold", "comfortable", "confident", "confused",
    "content", "curious", "defensive", "delighted", "desperate", "determined", "disappointed", "doubtful", "eager",
    "embarrassed", "excited", "exhausted", "frightened", "frustrated", "furious", "glad", "grateful", "guilty",
    "happy", "hesitant", "hopeful", "hurt", "impatient", "impressed", "indignant", "insecure", "interested",
    "intrigued", "irritated", "jealous", "lonely", "moved", "nervous", "offended", "optimistic", "overwhelmed",
    "pleased", "proud", "puzzled", "reassured", "relaxed", "relieved", "reluctant", "resentful", "resigned",
    "restless", "sad", "satisfied", "scared", "sceptical", "serious", "shocked", "skeptical", "stressed", "stubborn",
    "surprised", "suspicious", "tense", "thoughtful", "tired", "torn", "touched", "uncertain", "uncomfortable",
    "uneasy", "unhappy", "unsure", "upset", "wary", "weary", "worried",
})  # fmt: skip
"""Words that name a mood; others after "I am" ("a nurse", "late") do not."""


def _pattern(*parts: str) -> re.Pattern[str]:
    return re.compile("".join(parts), re.IGNORECASE)


_DIRECTION = re.compile(r"\*([^*\n]+)\*|\(([^()\n]+)\)|\[([^\[\]\n]+)\]")
_QUOTED = re.compile(r"[\"“”«»„][^\"“”«»„]*[\"“”«»„]")
_SENTENCE = re.compile(r"[^.!?\n]+[.!?]*")
_UNREAL = _pattern(
    r"\b(?:if|unless|whether|were|would|could|might|had|used to|as though|as if|not|never|no longer|hardly|without)\b",
    r"|n['\u2019]t\b",
)
_HABIT = _pattern(r"\b(?:always|every|often|rarely|sometimes|usually|each|mostly|on \w+days)\b")

_AM = r"(?:\s+am|['\u2019]m)"
_DEGREE = (
    r"(?:(?:a|an|the)\s+(?:bit|little|touch)\s+|(?:very|quite|rather|really|so|too|still|more|less|pretty|almost)\s+"
    r"|(?:increasingly|visibly|just|now|also|somewhat|truly)\s+)*"
)
_MOODS = "|".join(sorted(map(re.escape, MOOD_WORDS), key=len, reverse=True))
_END = (
    r"(?=[,;:.!?)]|\s*\(|\s[-\u2013\u2014]|$"
    r"|\s(?:and|but|while|as|so|because|before|after|until|then|for|where|when|which)\b)"
)
_CLAUSE = r"(?=[,;:.!?)]|\s*\(|\s[-\u2013\u2014]|$|\s(?:and|but|while|because|before|after|until|then)\b)"
_THING = r"[^,;:.!?()*]+?"
_OWN = r"(?:a|an|the|my|his|her|their|our)\b"
_AGAIN = r"(?:(?:over|out|back|up|down|straight|slowly|quickly|alone|quietly|still)\s+)*"

_MOOD = (
    _pattern(rf"\bI(?:{_AM}|{_AM}\s+feeling|\s+feel|\s+grow|\s+get)\s+{_DEGREE}({_MOODS})\b"),
    _pattern(
        r"\b(?:is|feels|looks|seems|sounds|grows|becomes|gets|looking|feeling|visibly|clearly|suddenly|still)\s+",
        rf"{_DEGREE}({_MOODS})\b",
    ),
)
_PLACE = (
    _pattern(
        r"\b(?:goe?s?|walks?|moves?|heads?|steps?|returns?|runs?|retreats?|hurry|hurries|climbs?|comes?|cross(?:es)?)\s+",
        rf"{_AGAIN}(?:to|into|onto|towards?)\s+({_OWN}\s+{_THING}){_END}",
    ),
    _pattern(
        r"\b(?:sits?|stands?|waits?|leans?|kneels?|stays?|settles?|sitting|standing|waiting|leaning)\s+",
        rf"{_AGAIN}((?:at|by|in|on|near|behind|beside|under|against|in front of|next to)\s+{_OWN}\s+{_THING}){_END}",
    ),
)
_WORN = _pattern(
    r"\b(?:(?:puts?|pulls?|throws?)\s+on|wears?|(?<!be )wearing|(?:is|am|['\u2019]m)\s+wearing|changes?\s+into)\s+",
    rf"({_OWN}\s+{_THING}){_END}",
)
_DOES = _pattern(
    r"\b(?:begins?|starts?|continues?|keeps?|goe?s?\s+on)\s+",
    rf"((?:to\s+\w+|\w+ing)\b(?:\s+{_THING})?){_END}",
)
_DOING = _pattern(rf"\b(?:is|am|['\u2019]m)\s+(?:busy\s+|still\s+|now\s+)*(\w{{2,}}ing\b(?:\s+{_THING})?){_END}")
_NO_ACTIVITY = _pattern(r"^(?:going to|feeling|wearing|being|sitting|standing|waiting|leaning|getting)\b")
_MEANS = (
    _pattern(
        rf"\bI(?:\s+will|['\u2019]ll|{_AM}\s+going\s+to|\s+(?:want|plan|intend|mean|have\s+decided)\s+to)\s+",
        rf"({_THING}){_CLAUSE}",
    ),
    _pattern(rf"\b(?:decides?|means?|plans?|intends?|wants?|resolves?)\s+to\s+({_THING}){_CLAUSE}"),
)
_LONGEST = 80
"""Characters of what is found."""
_READ = 8000
"""Characters of prose that are read."""
_FIRST_PERSON = re.compile(r"\bI\b|\b[Mm]y\b")


def inferred(text: str) -> dict[str, str]:
    """Return what a character's prose says about its own state: mood, location, clothing, activity, intentions.

    Args:
        text: What the character said and did.

    Example:
        >>> inferred("*walks over to the window* I'm a bit worried. I will call the landlord tomorrow.")
        {'location': 'the window', 'mood': 'worried', 'intentions': 'call the landlord tomorrow'}
    """
    found: dict[str, str] = {}
    for sentence, direction in _sentences(text):
        for key, said in _read(sentence, direction=direction):
            found.pop(key, None)
            found[key] = said
    return {key: said for key, said in found.items() if said}


def _sentences(text: str) -> Iterator[tuple[str, bool]]:
    """Yield the sentences that tell something about the speaker, directions marked, in order."""
    bare = _QUOTED.sub(" ", text[:_READ])
    place = 0
    for hit in _DIRECTION.finditer(bare):
        yield from _spoken(bare[place : hit.start()])
        for sentence in _SENTENCE.findall(next(part for part in hit.groups() if part is not None)):
            yield sentence.strip(), True
        place = hit.end()
    yield from _spoken(bare[place:])


def _spoken(text: str) -> Iterator[tuple[str, bool]]:
    for sentence in _SENTENCE.findall(text):
        told = sentence.strip()
        if told and not told.endswith("?") and _FIRST_PERSON.search(told):
            yield told, False


def _read(sentence: str, *, direction: bool) -> Iterator[tuple[str, str]]:
    if direction or not (_UNREAL.search(sentence) or _HABIT.search(sentence)):
        yield from _where_and_how(sentence, direction=direction)
    for pattern in _MEANS if direction else _MEANS[:1]:
        hit = pattern.search(sentence)
        if hit is not None and not _UNREAL.search(sentence[: hit.end(1)].replace("will", "")):
            yield "intentions", _tidy(hit[1])


def _where_and_how(sentence: str, *, direction: bool) -> Iterator[tuple[str, str]]:
    for pattern in _PLACE:
        if (hit := pattern.search(sentence)) is not None:
            yield "location", _tidy(hit[1])
    moods = _MOOD if direction else _MOOD[:1]
    for pattern in moods:
        hit = pattern.search(sentence)
        if hit is not None and not _UNREAL.search(sentence[: hit.end(1)]):
            yield "mood", hit[1].lower()
    if (hit := _WORN.search(sentence)) is not None:
        yield "clothing", _tidy(hit[1] or hit[2])
    for pattern in (_DOES, _DOING) if direction else (_DOES,):
        hit = pattern.search(sentence)
        if hit is not None and not _NO_ACTIVITY.match(hit[1]):
            yield "activity", _tidy(hit[1].removeprefix("to "))


def _tidy(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= _LONGEST else f"{words[:_LONGEST].rsplit(' ', 1)[0]}…"
