"""Planted secrets and personal data: made up from a seed, in twelve kinds; none opens or belongs to anything."""

import base64
import random
import string
from collections.abc import Callable

_LETTERS = string.ascii_letters + string.digits


def _word(draw: random.Random, length: int, letters: str = _LETTERS) -> str:
    body = "".join(draw.choices(letters, k=length - 2))
    return f"{body}{draw.choice(string.digits)}{draw.choice(letters)}"


def _card(draw: random.Random) -> str:
    digits = [4, *(draw.randrange(10) for _ in range(14))]
    total = sum(d if place % 2 else (2 * d if 2 * d < 10 else 2 * d - 9) for place, d in enumerate(digits))
    return "".join(map(str, [*digits, -total % 10]))


def _iban(draw: random.Random) -> str:
    account = "".join(str(draw.randrange(10)) for _ in range(18))
    check = 98 - int(f"{account}131400") % 97
    return f"DE{check:02}{account}"


def _jwt(draw: random.Random) -> str:
    head = base64.urlsafe_b64encode(b'{"alg":"HS256"}').decode().rstrip("=")
    body = base64.urlsafe_b64encode(f'{{"sub":"{_word(draw, 12)}"}}'.encode()).decode().rstrip("=")
    return f"{head}.{body}.{_word(draw, 32)}"


KINDS: dict[str, tuple[Callable[[random.Random], str], str]] = {
    "openai key": (lambda draw: f"sk-proj-{_word(draw, 32)}", "my key {} was refused"),
    "anthropic key": (lambda draw: f"sk-ant-api03-{_word(draw, 40)}", "use {} instead"),
    "google key": (lambda draw: f"AIza{_word(draw, 35)}", "the map needs {}"),
    "aws key": (lambda draw: f"AKIA{_word(draw, 16, string.ascii_uppercase + string.digits)}", "signed by {}"),
    "github token": (lambda draw: f"ghp_{_word(draw, 36)}", "cloned with {}"),
    "slack token": (lambda draw: f"xoxb-{draw.randrange(10**11, 10**12)}-{_word(draw, 16)}", "posted with {}"),
    "jwt": (_jwt, "the session {} ended"),
    "bearer": (lambda draw: _word(draw, 28), "Authorization: Bearer {}"),
    "password": (lambda draw: f"{_word(draw, 9)}!x", "password={}"),
    "email": (lambda draw: f"{_word(draw, 8).lower()}@mail.example.org", "write to {} please"),
    "phone": (lambda draw: f"+44 20 {draw.randrange(7000, 7999)} {draw.randrange(1000, 9999)}", "call {} now"),
    "card": (_card, "charged to {} today"),
    "iban": (_iban, "paid from {} today"),
}


def planted(n: int, seed: int = 7) -> list[tuple[str, str]]:
    """Return n secrets, each with a phrase that holds it; kinds take turns."""
    draw = random.Random(seed)
    kinds = list(KINDS.values())
    found = []
    for place in range(n):
        make, phrase = kinds[place % len(kinds)]
        secret = make(draw)
        found.append((secret, phrase.format(secret)))
    return found
