"""The judge: is a statement about the play true by now? Once it is, the play ends."""

from __future__ import annotations

from typing import Any

import orjson

from toolkit import prompts
from toolkit.errors import InvalidReply
from toolkit.models import Call, Message, Schema
from toolkit.rounds.acting import Stage
from toolkit.rounds.production import Production
from toolkit.rounds.state import Said, State
from toolkit.rounds.steps import Ask, Steps, ask
from toolkit.rounds.summary import fitting

__all__ = ["judge", "transcript_call"]

_SCHEMA = Schema(
    "until",
    {
        "type": "object",
        "properties": {"why": {"type": "string", "maxLength": 300}, "holds": {"type": "boolean"}},
        "required": ["why", "holds"],
        "additionalProperties": False,
    },
)
STAGE = "rounds.extract"
"""The stage of everything that is read from a transcript."""


def judge(stage: Stage) -> Steps[dict[str, Any] | None]:
    """Judge the play's statement by what was said so far; nothing is asked where the play has none."""
    production = stage.production
    if not production.until:
        return None
    said = (*stage.state.history, *stage.said)
    item = f"r{stage.number}/until"
    call, tokens = transcript_call(
        production, stage.state, said, item, "rounds.until", _SCHEMA, statement=production.until
    )
    stage.prompted("until", item, tokens)
    outcome = yield from ask(Ask(call, _read, attempts=1))
    stage.heard([outcome])
    if not outcome.ok:
        stage.chronicle.note("untilJudged", statement=production.until, holds=None, error=str(outcome.error))
        return {"statement": production.until, "holds": None, "why": str(outcome.error)}
    found = {"statement": production.until, **outcome.value}
    stage.chronicle.note("untilJudged", **found)
    return found


def transcript_call(
    production: Production,
    state: State,
    said: tuple[Said, ...],
    item: str,
    prompt: str,
    schema: Schema,
    **values: Any,
) -> tuple[Call, dict[str, int]]:
    """Return a call that reads a transcript, told the running summary and the newest messages that fit.

    Beside it the tokens of its prompt by section.

    Args:
        production: Scene and rules.
        state: Whose summary is told.
        said: The messages, oldest first.
        item: The row it serves.
        prompt: Name of the prompt file.
        schema: What the reply must be.
        values: What the prompt is told beside.
    """
    template = prompts.load(prompt)
    told = {"title": production.fixed["title"], "summary": state.summary, **values}
    count = production.count
    empty = sum(count(str(part)) for _, parts in template.render(**told, messages="") for part in parts)
    fixed = empty + count(schema.json.decode())
    kept = fitting(production.context_tokens - production.rules.completion_tokens - fixed, count, said)
    messages = "\n".join(f"[{one.round}] {one.line}" for one in kept)
    turns = template.render(**told, messages=messages)
    summary = count(state.summary) if state.summary else 0
    call = Call(
        messages=tuple(Message(role, tuple(str(part) for part in parts)) for role, parts in turns),  # type: ignore[arg-type]
        schema=schema,
        seed=production.draw(item),
        stage=STAGE,
        item=f"{production.label}{item}",
        family=f"{prompt}/{production.scene.digest}",
        template=template.version,
    )
    return call, {"fixed": fixed - summary, "summaries": summary, "history": count(messages)}


def _read(text: str) -> dict[str, Any]:
    try:
        value = orjson.loads(text)
        return {"holds": bool(value["holds"]), "why": " ".join(str(value["why"]).split())}
    except (ValueError, LookupError, TypeError) as error:
        raise InvalidReply("the judgement is not of its form") from error
