"""Do the texts of a panel keep to the sampled facts? A model judges twice, in two phrasings that run opposite."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from toolkit import prompts
from toolkit.display import Result
from toolkit.display.html import bars, table
from toolkit.engine import Budget
from toolkit.errors import InvalidInput, InvalidReply
from toolkit.lab import current_lab
from toolkit.models import Call, Message, Reply, Schema
from toolkit.personas import Panel, Persona
from toolkit.personas.persona import in_words
from toolkit.personas.profile import told
from toolkit.questions._kappa import weighted_kappa
from toolkit.seeds import derive
from toolkit.verbs import Job, verb

if TYPE_CHECKING:
    import pandas as pd

    from toolkit.display import Report
    from toolkit.engine import Outcome
    from toolkit.lab import Lab

__all__ = ["Adherence", "adherence"]

PHRASINGS = ("fits", "astray")
"""The first asks how well the text fits, 5 the best; the second how far it leads astray, 1 the best."""
LOW, HIGH = 1, 5
_FINE = 4
"""From this score on a text keeps to the facts."""
_PROMPT = "personas.adherence"
_SCHEMA = Schema(
    "adherence",
    {
        "type": "object",
        "properties": {
            "reason": {"type": "string", "minLength": 1, "maxLength": 300},
            "score": {"type": "integer", "minimum": LOW, "maximum": HIGH},
        },
        "required": ["reason", "score"],
        "additionalProperties": False,
    },
)
_JUDGED = (
    "{model} judged these texts; no person did. Agreement between the two phrasings says how steady the judge is, not "
    "that it is right, and a model that wrote the texts itself tends to be content with them. Read some yourself."
)
_SELDOM = "Almost all texts have one score, so kappa can be low, or undefined, although the phrasings mostly agree."


class Adherence(Result):
    """What a judge thought of each text, in both phrasings, and how far they agree.

    Columns of ``frame``, one row a person: ``persona``, ``name``, ``fits`` and ``astray`` (scores 1 to 5; ``astray`` is
    turned round, so that 5 is best in both), ``score`` (their mean), ``keeps`` (both 4 or more), ``agree`` (at most one
    point apart), ``reason`` and ``reason_astray``. What the judge did not answer is empty.

    Example:
        >>> from toolkit.questions.adherence import adherence
        >>> panel = generate_personas(6, "us-adults-2012", detail="brief", lab=lab)
        >>> judged = adherence(panel, lab=lab)
        >>> len(judged.frame), sorted(judged.agreement)
        (6, ['exact', 'kappa', 'n', 'within_one'])
    """

    def __init__(self, people: Sequence[Persona], *, outcomes: Sequence[Outcome], **rest: Any) -> None:
        super().__init__(outcomes=outcomes, **rest)
        self._people = tuple(people)

    @cached_property
    def frame(self) -> pd.DataFrame:
        """One row a person, in the panel's order."""
        import pandas as pd

        said = [outcome.value if outcome.ok else {} for outcome in self._outcomes]
        fits, astray = said[:: len(PHRASINGS)], said[1 :: len(PHRASINGS)]
        frame = pd.DataFrame({
            "persona": [one.id for one in self._people],
            "name": [one.name for one in self._people],
            "fits": pd.array([one.get("score") for one in fits], dtype="Int64"),
            "astray": pd.array([_turned(one.get("score")) for one in astray], dtype="Int64"),
        })  # fmt: skip
        frame["score"] = (frame["fits"] + frame["astray"]) / 2
        frame["keeps"] = (frame["fits"] >= _FINE) & (frame["astray"] >= _FINE)
        frame["agree"] = (frame["fits"] - frame["astray"]).abs() <= 1
        frame["reason"] = [one.get("reason", "") for one in fits]
        frame["reason_astray"] = [one.get("reason", "") for one in astray]
        return frame

    def _meanings(self) -> dict[str, str]:
        return {
            "persona": "id of the persona, unique in the panel",
            "name": "the persona's name",
            "fits": "how well the text fits the person, 1 to 5",
            "astray": "how little it strays from the person, 1 to 5: the other phrasing, turned round",
            "score": "mean of the two",
            "keeps": "whether both are 4 or more",
            "agree": "whether they are at most one point apart",
            "reason": "why, in the first phrasing",
            "reason_astray": "why, in the second",
        }

    @cached_property
    def agreement(self) -> dict[str, float | None]:
        """How far the phrasings agree on those judged in both.

        ``n``, ``exact`` (share of equal scores), ``within_one`` (at most one point apart) and ``kappa`` (J. Cohen,
        1968, quadratic weights; ``None`` where all scores are one and the same).
        """
        both = self.frame.dropna(subset=["fits", "astray"])
        pairs = [(int(one), int(other)) for one, other in zip(both["fits"], both["astray"], strict=True)]
        n = len(pairs)
        return {
            "n": float(n),
            "exact": sum(one == other for one, other in pairs) / n if n else None,
            "within_one": sum(abs(one - other) <= 1 for one, other in pairs) / n if n else None,
            "kappa": weighted_kappa(pairs, LOW, HIGH),
        }

    def __len__(self) -> int:
        """Return how many people were judged."""
        return len(self._people)

    # --- how it shows ---

    def _title(self) -> str:
        return f"Do the texts of {len(self):,} personas keep to their facts?"

    def _notes(self) -> list[str]:
        notes = [*super()._notes(), _JUDGED.format(model=self.report.model if self.report is not None else "A model")]
        exact, kappa = self.agreement["exact"], self.agreement["kappa"]
        if exact is not None and exact >= 0.8 and (kappa is None or kappa < 0.4):  # noqa: PLR2004  # the known paradox
            notes.append(_SELDOM)
        return notes

    def _agreement(self) -> str:
        n, exact, kappa = (self.agreement[name] for name in ("n", "exact", "kappa"))
        if not n or exact is None:
            return "nobody was judged in both phrasings"
        keeps = self.frame["keeps"].dropna()
        told = "undefined" if kappa is None else f"{kappa:.2f}"
        return (
            f"{keeps.mean():.0%} keep to the facts in both phrasings; equal scores {exact:.0%}, weighted kappa {told}"
        )

    def _body(self) -> str:
        counts = self.frame["score"].dropna().round().astype(int).value_counts()
        total = max(1, int(counts.sum()))
        found = [int(counts.get(score, 0)) for score in range(HIGH, LOW - 1, -1)]
        labels = ["5 keeps to them", "4", "3", "2", "1 another person"]
        worst = self.frame.sort_values("score", kind="stable")[["persona", "name", "fits", "astray", "reason"]]
        line = f'<div style="margin-top:6px">{self._agreement()}</div>'
        return line + bars(labels, [n / total for n in found], [str(n) for n in found]) + table(worst)

    def __repr__(self) -> str:
        """Return the agreement and what to know as plain text."""
        head, *rest = super().__repr__().split("\n")
        return "\n".join([head, *rest[:1], f"  {self._agreement()}", *rest[1:]])


@verb
def adherence(
    panel: Panel | Sequence[Persona],
    *,
    attempts: int = 2,
    seed: int | None = None,
    lab: Lab | None = None,
    budget: str | Budget | None = None,
    strict: bool = False,
) -> Job[Adherence]:
    """Let a model judge whether each persona's text keeps to the sampled facts, in two phrasings that run opposite.

    Two calls a person. The second phrasing asks the reverse, so that a judge who always says yes disagrees with itself.

    Args:
        panel: Personas with texts: ``detail="brief"`` or more.
        attempts: How often a judgement may be asked for when the reply cannot be used.
        seed: For the model's draws; the lab's when not given.
        lab: Where; the current lab when not given. Another model than the one that wrote the texts is the better judge.
        budget: What this run may spend, as for every verb.
        strict: Raise ``Incomplete`` at the end when anything failed.

    Returns:
        An ``Adherence``: scores, and how far the phrasings agree.

    Raises:
        InvalidInput: A persona has no facts or no text, so that there is nothing to judge.
        Interrupted: ■ was pressed; what finished is in ``.result``.

    Example:
        >>> from toolkit.questions.adherence import adherence
        >>> panel = generate_personas(3, "us-adults-2012", detail="brief", lab=lab)
        >>> estimate(adherence, panel, lab=lab).calls
        6
    """
    if isinstance(attempts, bool) or not isinstance(attempts, int) or attempts < 1:
        raise InvalidInput(f"attempts={attempts!r} asks nobody", hint="Give a whole number from 1.")
    if isinstance(panel, Persona) or not isinstance(panel, Sequence):
        raise InvalidInput(f"the panel is {type(panel).__name__}, not personas", hint="Give a Panel, or panel[:1].")
    people = tuple(panel)
    if not people:
        raise InvalidInput("the panel is empty, so there is nothing to judge", hint="Generate at least one persona.")
    for one in people:
        if not isinstance(one, Persona):
            raise InvalidInput(f"the panel holds {type(one).__name__}, which is no persona", hint="Give a Panel.")
        if not one.facts():
            raise InvalidInput(f"{one.id} has no sampled facts to keep to", hint="Judge personas of a population.")
        if not _text(one):
            raise InvalidInput(f"{one.id} has no text to judge", hint='Generate with detail="brief" or more.')
    return _Judge(current_lab(lab), people, attempts, seed=seed, strict=strict, budget=budget)


class _Judge(Job[Adherence]):
    name = "adherence"

    def __init__(self, lab: Lab, people: tuple[Persona, ...], attempts: int, **rest: Any) -> None:
        super().__init__(lab, **rest)
        self.attempts = attempts
        self._people = people

    def __len__(self) -> int:
        return len(self._people) * len(PHRASINGS)

    def calls(self) -> Iterator[Call]:
        """Make two calls a person, one a phrasing."""
        prompt = prompts.load(_PROMPT)
        for persona in self._people:
            facts, text = [*persona.facts(), *told(persona.fields)], _text(persona)
            for phrasing in PHRASINGS:
                turns = prompt.render(phrasing=phrasing, facts=facts, text=text)
                yield Call(
                    messages=tuple(Message(role, tuple(str(part) for part in parts)) for role, parts in turns),  # type: ignore[arg-type]
                    schema=_SCHEMA,
                    seed=derive(self.seed, "adherence", persona.id, phrasing) >> 32,
                    stage="adherence",
                    item=f"{persona.id}/{phrasing}",
                    family=f"{_PROMPT}/{phrasing}",
                    template=prompt.version,
                )

    def accept(self, call: Call, reply: Reply) -> dict[str, Any]:
        """Return score and reason, or refuse a reply that has none."""
        value = reply.value if isinstance(reply.value, Mapping) else {}
        score, reason = value.get("score"), value.get("reason")
        if isinstance(score, bool) or not isinstance(score, int) or not LOW <= score <= HIGH:
            raise InvalidReply(f"the score of {call.item} is {score!r}", hint=f"It should be {LOW} to {HIGH}.")
        return {"score": score, "reason": reason.strip() if isinstance(reason, str) else ""}

    def assemble(self, outcomes: Sequence[Outcome], report: Report) -> Adherence:
        """Put the judgements side by side."""
        return Adherence(self._people, outcomes=outcomes, report=report, lab=self.lab, again=self)


def _text(persona: Persona) -> str:
    """Return what was written about a person; what code drew is a fact and not part of it."""
    drawn = {"gender", "nationality", "big_five"}
    written = {name: value for name, value in persona.fields.items() if name not in drawn}
    if set(written) == {"bio"}:
        return str(written["bio"])
    return "\n".join(f"{name.replace('_', ' ').capitalize()}: {in_words(value)}" for name, value in written.items())


def _turned(score: int | None) -> int | None:
    return None if score is None or math.isnan(score) else LOW + HIGH - score
