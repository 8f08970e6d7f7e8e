"""S1-45: no log line and no message may imply that content is asked for again on its own."""

from pathlib import Path

import pytest

from tests.wording import faults


def test_nothing_we_say_implies_content_retries() -> None:
    assert faults() == []


@pytest.mark.parametrize(
    "line",
    [
        '_log.warning("reply invalid, asking the model again")',
        '_log.info("retrying the prompt")',
        'raise InvalidReply(f"{who} was refused", hint="It will be tried again.")',
        'events.emit("call.failed", note="regenerating")',
        'print("falling back to mock answers")',
    ],
)
def test_planted_phrase_is_found_with_its_place(line: str, tmp_path: Path) -> None:
    module = tmp_path / "toolkit" / "planted.py"
    module.parent.mkdir()
    module.write_text(f"def say():\n    {line}\n")
    assert [fault.partition(": ")[0] for fault in faults(module.parent)] == ["toolkit/planted.py:2"]


@pytest.mark.parametrize(
    "line", ['_log.info("retry 2 of a dropped connection")', 'raise CallError("x", hint="retry() asks once more.")']
)
def test_words_about_transport_and_about_what_the_user_may_do_are_fine(line: str, tmp_path: Path) -> None:
    (tmp_path / "fine.py").write_text(f"def say():\n    {line}\n")
    assert faults(tmp_path) == []
