import inspect
import pickle

import pytest

from toolkit import errors
from toolkit.errors import CallError, DramatisError, Incomplete, Interrupted, InvalidInput, ProviderDown, RateLimited

CLASSES = [getattr(errors, name) for name in errors.__all__]


def test_every_error_of_the_module_is_listed():
    found = {name for name, one in vars(errors).items() if inspect.isclass(one) and issubclass(one, BaseException)}
    assert found == set(errors.__all__)
    assert list(errors.__all__) == sorted(errors.__all__)


@pytest.mark.parametrize("kind", CLASSES)
def test_every_error_shows_message_and_hint_in_one_line(kind):
    error = kind("n is 0\nand more")
    error.hint = "Ask for\nat least one."
    assert str(error) == "n is 0 and more. Ask for at least one."
    assert error.hint


@pytest.mark.parametrize("kind", CLASSES)
def test_every_error_survives_pickling_with_all_it_carries(kind):
    error = kind("n is 0")
    error.hint = "Ask for one."
    again = pickle.loads(pickle.dumps(error))  # noqa: S301  # our own bytes
    assert type(again) is kind
    assert str(again) == str(error)
    assert vars(again) == vars(error)


def test_errors_are_the_builtins_people_catch():
    pairs = {
        "InvalidInput": ValueError,
        "ModelUnknown": LookupError,
        "KeyMissing": LookupError,
        "WeightsMissing": FileNotFoundError,
        "MemoryCorrupt": OSError,
        "ReplayMiss": LookupError,
        "ProviderDown": ConnectionError,
        "CallTimeout": TimeoutError,
        "AuthFailed": PermissionError,
        "InvalidReply": ValueError,
        "Incomplete": RuntimeError,
    }
    for name, builtin in pairs.items():
        assert issubclass(getattr(errors, name), builtin)
        assert issubclass(getattr(errors, name), DramatisError)


def test_interrupted_stops_run_all_and_carries_what_finished():
    error = Interrupted("ask was stopped after 3 of 9", result=[1, 2, 3])
    assert isinstance(error, KeyboardInterrupt)
    assert not isinstance(error, Exception)
    assert error.result == [1, 2, 3]
    assert "resume()" in str(error)


def test_incomplete_carries_what_finished():
    assert Incomplete("2 of 3", result=[1, 2]).result == [1, 2]


def test_kinds_of_call_errors_are_distinct_and_come_back_by_name():
    kinds = [one.kind for one in CallError.__subclasses__()]
    assert len(set(kinds)) == len(kinds)
    for one in CallError.__subclasses__():
        assert type(CallError.of(one.kind, "it failed")) is one
    assert type(CallError.of("unheard_of", "it failed")) is CallError


def test_call_error_carries_what_the_books_need():
    error = RateLimited("slow down", retry_after=2.5, request_id="req_1", billed=True, hint="Wait.")
    assert (error.retry_after, error.request_id, error.billed, error.tries) == (2.5, "req_1", True, 1)
    assert ProviderDown("gone").retry_after is None


def test_booked_error_is_scrubbed_and_knows_its_call():
    error = ProviderDown("no answer for ada@example.org")
    error.book("questions", "p0007", lambda text: text.replace("ada@example.org", "[email]"))
    assert error.line() == "questions p0007 provider_down: no answer for [email]"
    assert "example.org" not in repr(error)


def test_message_without_hint_stands_alone():
    assert str(InvalidInput("n is 0")) == "n is 0"
