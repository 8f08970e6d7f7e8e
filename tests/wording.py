"""What we say must be true: nothing we log or raise may sound as if content were asked for again behind one's back.

Generation is one-shot: only transport is retried, and content only where a verb's ``attempts=`` says so (S1-45).

    python -m tests.wording            # fails on every such phrase, with its place
"""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent / "toolkit"
PHRASES = (
    r"re-?ask|re-?prompt|re-?generat|re-?roll",
    r"re-?try(?:ing)? (?:the |this |that |its )?(?:content|reply|answer|prompt|generation)",
    r"(?:asking|prompting|generating|sampling) (?:\w+ ){0,3}again",
    r"(?:will|is|are|was|were)(?: be| being)? (?:asked|tried|prompted|generated) again",
    r"second (?:opinion|chance)|self-?correct|repair(?:ing|ed) the (?:reply|answer)",
    r"(?:until|unless) (?:it|the (?:reply|answer)) (?:is|gets) (?:valid|better|right)",
    r"(?:falls?|falling|fell) back to (?:a )?(?:default|mock|canned)",
)
FORBIDDEN = re.compile("|".join(PHRASES), re.IGNORECASE)
SAYS = frozenset(
    {"debug", "info", "warning", "error", "exception", "critical", "log", "warn", "emit", "print", "write"}
)


def spoken(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield every text that is logged, printed, emitted, or handed to an exception, with its line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if name in SAYS or name[:1].isupper():  # a class: an exception, or something that carries a message
                yield from _texts(node)


def _texts(call: ast.Call) -> Iterator[tuple[int, str]]:
    for argument in (*call.args, *(keyword.value for keyword in call.keywords)):
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
            yield argument.lineno, argument.value
        if isinstance(argument, ast.JoinedStr):
            parts = (part.value if isinstance(part, ast.Constant) else "…" for part in argument.values)
            yield argument.lineno, "".join(str(part) for part in parts)


def faults(root: Path = ROOT) -> list[str]:
    """Return each forbidden phrase as ``file:line: text``."""
    found = []
    for path in sorted(root.rglob("*.py")):
        for line, text in spoken(ast.parse(path.read_text(encoding="utf-8"))):
            if FORBIDDEN.search(text):
                found.append(f"{path.relative_to(root.parent)}:{line}: {text!r}")
    return found


if __name__ == "__main__":
    wrong = faults()
    sys.stderr.writelines(f"{fault}\n" for fault in wrong)
    raise SystemExit(bool(wrong))
