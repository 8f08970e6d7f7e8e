"""Skip rules: small comparisons of earlier answers, read without ever being run as code."""

from __future__ import annotations

import ast
import itertools
import math
import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from toolkit.errors import InvalidInput
from toolkit.personas.attribute import nearest
from toolkit.questions.answer import Answer, Choice, Number, Scale
from toolkit.questions.option import normal

__all__ = ["PERSONA", "Rule", "can_hold", "parse_rule"]

PERSONA = "persona"
"""``persona.age`` is an attribute of who is asked."""

_COMPARE: Mapping[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda one, many: one in many,
    ast.NotIn: lambda one, many: one not in many,
}
_LONGEST = 500
_MOST_CASES = 20_000
"""Combinations of answers over which a rule is tried out."""
_HINT = "Compare with ==, !=, <, <=, >, >= or in, and join with and, or, not: \"age_ok == 'yes' and score > 3\"."


@dataclass(frozen=True)
class Rule:
    """A condition over earlier answers and attributes of the persona.

    An answer that a person was not asked for makes every comparison with it false.

    Example:
        >>> rule = parse_rule("age_ok == 'Yes' and score > 3", "why")
        >>> rule.holds({"age_ok": "yes", "score": 4}), sorted(rule.names)
        (True, ['age_ok', 'score'])
    """

    text: str
    tree: ast.expr
    names: frozenset[str]
    """Questions whose answers it looks at."""
    attributes: frozenset[str]
    """Attributes of the persona that it looks at."""

    def holds(self, answers: Mapping[str, Any], attributes: Mapping[str, Any] | None = None) -> bool:
        """Tell whether it holds.

        Args:
            answers: By question; what is not there was not asked.
            attributes: Of the persona.
        """
        return bool(_value(self.tree, answers, attributes or {}))


def parse_rule(text: Any, where: str) -> Rule:
    """Return a rule from its text.

    Args:
        text: For example ``"age_ok == 'yes' and score > 3"``.
        where: Whose rule it is, for messages.

    Raises:
        InvalidInput: It is no comparison.

    Example:
        >>> parse_rule("__import__('os')", "why")
        Traceback (most recent call last):
        toolkit.errors.InvalidInput: the rule of 'why' holds '__import__('os')', which is no comparison. Compare ...
    """
    if not isinstance(text, str) or not text.strip() or len(text) > _LONGEST:
        raise InvalidInput(f"the rule of {where!r} is {str(text)[:60]!r}", hint=_HINT)
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise InvalidInput(f"the rule of {where!r} cannot be read: {text!r}", hint=_HINT) from error
    _check(tree, where)
    return Rule(text.strip(), tree, frozenset(_names(tree)), frozenset(_attributes(tree)))


def can_hold(rules: Sequence[tuple[Rule, bool]], answers: Mapping[str, Answer], where: str) -> None:
    """Refuse rules that no answers can fulfil together, and values that an answer can never have.

    Args:
        rules: Each with whether it must hold.
        answers: The answer types of earlier questions.
        where: Whose rules they are, for messages.

    Raises:
        InvalidInput: They cannot; the message says which.
    """
    for rule, _ in rules:
        _check_values(rule.tree, answers, where)
    names = sorted({name for rule, _ in rules for name in rule.names})
    domains = [_domain(answers[name]) for name in names]
    if any(rule.attributes for rule, _ in rules) or any(domain is None for domain in domains):
        return
    known = [[*domain, None] for domain in domains if domain is not None]
    if math.prod(len(domain) for domain in known) > _MOST_CASES:
        return
    for case in itertools.product(*known):
        said = {name: value for name, value in zip(names, case, strict=True) if value is not None}
        if all(rule.holds(said) is wanted for rule, wanted in rules):
            return
    told = " and ".join(f"{'ask_if' if wanted else 'skip_if'}={rule.text!r}" for rule, wanted in rules)
    raise InvalidInput(f"{where!r} can never be asked: {told}", hint="Correct the rules, or leave the question out.")


def _check(tree: ast.AST, where: str) -> None:
    """Refuse everything but comparisons of names, attributes and plain values."""
    if isinstance(tree, ast.BoolOp):
        for part in tree.values:
            _check(part, where)
    elif isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.Not):
        _check(tree.operand, where)
    elif isinstance(tree, ast.Compare) and all(type(one) in _COMPARE for one in tree.ops):
        for operand in (tree.left, *tree.comparators):
            _check_operand(operand, where)
    else:
        raise _refused(tree, where)


def _check_operand(tree: ast.expr, where: str) -> None:
    if isinstance(tree, ast.Name) and tree.id != PERSONA:
        return
    if isinstance(tree, ast.Attribute) and isinstance(tree.value, ast.Name) and tree.value.id == PERSONA:
        return
    if isinstance(tree, (ast.List, ast.Tuple, ast.Set)) and all(_is_constant(one) for one in tree.elts):
        return
    if not _is_constant(tree):
        raise _refused(tree, where)


def _is_constant(tree: ast.expr) -> bool:
    if isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.USub):
        return isinstance(tree.operand, ast.Constant) and isinstance(tree.operand.value, (int, float))
    return isinstance(tree, ast.Constant) and isinstance(tree.value, (str, int, float, bool))


def _refused(tree: ast.AST, where: str) -> InvalidInput:
    return InvalidInput(f"the rule of {where!r} holds '{ast.unparse(tree)[:80]}', which is no comparison", hint=_HINT)


def _names(tree: ast.AST) -> Iterator[str]:
    return (one.id for one in ast.walk(tree) if isinstance(one, ast.Name) and one.id != PERSONA)


def _attributes(tree: ast.AST) -> Iterator[str]:
    return (one.attr for one in ast.walk(tree) if isinstance(one, ast.Attribute))


def _value(tree: ast.expr, answers: Mapping[str, Any], attributes: Mapping[str, Any]) -> Any:
    if isinstance(tree, ast.BoolOp):
        parts = (_value(part, answers, attributes) for part in tree.values)
        return all(parts) if isinstance(tree.op, ast.And) else any(parts)
    if isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.Not):
        return not _value(tree.operand, answers, attributes)
    if isinstance(tree, ast.Compare):
        operands = [_operand(one, answers, attributes) for one in (tree.left, *tree.comparators)]
        pairs = zip(tree.ops, itertools.pairwise(operands), strict=True)
        return all(_holds(compare, one, other) for compare, (one, other) in pairs)
    raise AssertionError(tree)  # parse_rule let nothing else pass


def _operand(tree: ast.expr, answers: Mapping[str, Any], attributes: Mapping[str, Any]) -> Any:
    if isinstance(tree, ast.Name):
        return _plain(answers.get(tree.id))
    if isinstance(tree, ast.Attribute):
        return _plain(attributes.get(tree.attr))
    if isinstance(tree, (ast.List, ast.Tuple, ast.Set)):
        return [_plain(ast.literal_eval(one)) for one in tree.elts]
    return _plain(ast.literal_eval(tree))


def _plain(value: Any) -> Any:
    """Return a value as it is compared: texts without case and outer spaces."""
    return normal(value) if isinstance(value, str) else value


def _holds(compare: ast.cmpop, one: Any, other: Any) -> bool:
    if one is None or other is None:
        return False
    try:
        return bool(_COMPARE[type(compare)](one, other))
    except TypeError:  # a text against a number
        return False


def _domain(answer: Answer) -> list[Any] | None:
    """Return every value an answer can have; ``None`` where these are too many."""
    if isinstance(answer, Choice):
        return list(answer.options)
    if isinstance(answer, Scale):
        return list(range(answer.low, answer.high + 1))
    return None


def _check_values(tree: ast.expr, answers: Mapping[str, Answer], where: str) -> None:
    """Refuse comparisons of an answer with a value of a kind, or an option, that it can never have."""
    for one in ast.walk(tree):
        if not isinstance(one, ast.Compare):
            continue
        operands = [one.left, *one.comparators]
        for name in (operand.id for operand in operands if isinstance(operand, ast.Name)):
            for value in (value for operand in operands for value in _constants(operand)):
                _check_value(name, answers[name], value, where)


def _constants(tree: ast.expr) -> list[Any]:
    if isinstance(tree, (ast.List, ast.Tuple, ast.Set)):
        return [ast.literal_eval(one) for one in tree.elts]
    return [ast.literal_eval(tree)] if _is_constant(tree) else []


def _check_value(name: str, answer: Answer, value: Any, where: str) -> None:
    if isinstance(answer, Choice) and normal(str(value)) not in {normal(option) for option in answer.options}:
        raise InvalidInput(
            f"the rule of {where!r} compares {name} with {value!r}, which is none of its options",
            hint=f"They are: {', '.join(answer.options)}{nearest(value, answer.options)}.",
        )
    if isinstance(answer, (Scale, Number)) and isinstance(value, (str, bool)):
        raise InvalidInput(
            f"the rule of {where!r} compares {name}, a number, with {value!r}", hint=f"Write {name} > 3, say."
        )
