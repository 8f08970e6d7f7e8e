"""Minutes: bullets for each round and a running summary, made once the history has grown past its trigger."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from toolkit.engine import Outcome
from toolkit.errors import InvalidReply
from toolkit.rounds.production import Production
from toolkit.rounds.profile import Profile
from toolkit.rounds.state import Said, Summary
from toolkit.rounds.steps import Ask, Steps
from toolkit.rounds.templates import read_json

__all__ = ["Minutes", "chunks", "fitting", "minutes"]

_CHUNK = 0.8
"""Share of the free context that one chunk of messages takes."""


@dataclass(frozen=True, slots=True)
class Minutes:
    """What the minutes came to."""

    summary: str
    bullets: tuple[Summary, ...] = ()
    summarised: int = 0
    """How many messages they are about."""
    outcomes: tuple[Outcome, ...] = ()
    prompts: tuple[tuple[str, Mapping[str, int]], ...] = ()
    """The item of each prompt, and where its tokens went."""


def minutes(production: Production, number: int, before: str, pending: Sequence[Said]) -> Steps[Minutes]:
    """Write minutes of the messages since the last ones, in chunks that fit the context.

    Args:
        production: Scene, rules and profiles.
        number: The round.
        before: The running summary until now.
        pending: Messages since it was made; with no more of them than the trigger nothing is asked.
    """
    if len(pending) <= production.rules.summarization_trigger:
        return Minutes(before)
    profile = production.profiles["summary"]
    made: list[Summary] = []
    outcomes: list[Outcome] = []
    prompts: list[tuple[str, Mapping[str, int]]] = []
    done = 0
    for part, chunk in enumerate(chunks(production, "summary", pending, {"summary": before}), start=1):
        item = f"r{number}/summary" if part == 1 else f"r{number}/summary-{part}"
        told = {"summary": before, "messages": _text(chunk)}
        messages = production.render("summary", told)
        prompts.append((item, _tokens(production, told)))
        rounds = {one.round for one in chunk}
        (outcome,) = yield (
            Ask(production.call("summary", item, messages), _reader(profile, rounds), profile.attempts),
        )
        outcomes.append(outcome)
        if not outcome.ok:  # what is not in the minutes yet is in the next ones
            break
        before, bullets = outcome.value
        made += bullets
        done += len(chunk)
    return Minutes(before, tuple(made), done, tuple(outcomes), tuple(prompts))


def chunks(
    production: Production, agent: str, messages: Sequence[Said], values: Mapping[str, Any]
) -> Iterator[tuple[Said, ...]]:
    """Yield messages in chunks that leave room for the prompt and the reply; a message longer than that is a chunk."""
    room = _CHUNK * _room(production, agent, values)
    chunk: list[Said] = []
    taken = 0
    for one in messages:
        size = production.count(f"{one.line}\n")
        if chunk and taken + size > room:
            yield tuple(chunk)
            chunk, taken = [], 0
        chunk.append(one)
        taken += size
    if chunk:
        yield tuple(chunk)


def fitting(room: int, count: Any, messages: Sequence[Said]) -> tuple[Said, ...]:
    """Return the newest messages that fit, oldest first; the last one always.

    Args:
        room: Tokens.
        count: What counts them.
        messages: Oldest first.
    """
    kept = 0
    for one in reversed(messages):
        room -= count(f"{one.line}\n")
        if room < 0 and kept:
            break
        kept += 1
    return tuple(messages[len(messages) - kept :])


def _room(production: Production, agent: str, values: Mapping[str, Any]) -> int:
    fixed = _fixed(production, agent, {**values, "messages": ""})
    return max(1, production.context_tokens - production.rules.completion_tokens - fixed)


def _fixed(production: Production, agent: str, values: Mapping[str, Any]) -> int:
    fixed = sum(production.count(one.text) for one in production.render(agent, values))
    schema = production.schema(agent)
    return fixed + (production.count(schema.json.decode()) if schema is not None else 0)


def _tokens(production: Production, told: Mapping[str, str]) -> dict[str, int]:
    """Return the tokens of a prompt by section: minutes are told the summary until now, and messages."""
    fixed = _fixed(production, "summary", {"summary": "", "messages": ""})
    return {
        "fixed": fixed,
        "summaries": production.count(told["summary"]),
        "history": production.count(told["messages"]),
    }


def _reader(profile: Profile, rounds: Iterable[int]) -> Any:
    wanted = frozenset(rounds)

    def read(text: str) -> tuple[str, list[Summary]]:
        if not profile.expects_json:
            return " ".join(text.split()), []
        value = read_json(text, profile).value
        summary = " ".join(str(value["summary"]).split())
        if not summary:
            raise InvalidReply("the summary's reply sums nothing up", hint="A further attempt may.")
        bullets: dict[int, list[str]] = {}
        for one in value["rounds"]:
            if one["roundNumber"] in wanted:  # a round that was not told has nothing to be summed up
                bullets.setdefault(one["roundNumber"], []).extend(" ".join(text.split()) for text in one["bullets"])
        return summary, [Summary(number, tuple(texts)) for number, texts in sorted(bullets.items()) if texts]

    return read


def _text(messages: Sequence[Said]) -> str:
    lines = []
    number = 0
    for one in messages:
        if one.round != number:
            number = one.round
            lines.append(f"Round {number}")
        lines.append(one.line)
    return "\n".join(lines)
