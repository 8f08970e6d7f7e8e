"""Answers of other providers and gateways, read as they come."""

from __future__ import annotations

import orjson
import pytest

from toolkit.errors import InvalidReply, ProviderDown, RateLimited
from toolkit.models import Call, Identity, Message, Schema, Usage
from toolkit.models._openai_reply import Sent, reply_of

SCHEMA = Schema("n", {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]})
CALL = Call((Message("user", ("Which?",)),), schema=SCHEMA)
SENT = Sent(Identity("openai", "m"), None, 1.0, 0.5)


def _reply(message, *, choice=None, call=CALL, **rest):
    answer = {"choices": [{"message": message, **(choice or {})}], **rest}
    return reply_of(call, orjson.dumps(answer), SENT)


def test_least_answer_is_enough():
    reply = _reply({"content": '{"n": 1}'}, id="chat-1")
    assert reply.value == {"n": 1}
    assert (reply.model, reply.request_id, reply.finish, reply.usage) == ("openai:m", "chat-1", "stop", Usage())


def test_json_in_a_markdown_fence_is_read_and_the_fence_left_out():
    """Memory reads the value from the text again, so the text must be the JSON itself."""
    reply = _reply({"content": '```json\n{"n": 1}\n```'})
    assert (reply.value, reply.text) == ({"n": 1}, '{"n": 1}\n')


def test_whole_answer_at_the_token_limit_stands():
    assert _reply({"content": '{"n": 1}'}, choice={"finish_reason": "length"}).finish == "length"


def test_model_that_really_answered_is_recorded():
    assert _reply({"content": '{"n": 1}'}, model="m-2026-01").model == "openai:m-2026-01"


def test_null_counts_are_nothing():
    usage = {"prompt_tokens": 3, "completion_tokens": None, "prompt_tokens_details": None}
    assert _reply({"content": '{"n": 1}'}, usage=usage).usage == Usage(input=3)


def test_text_in_parts_is_invalid_for_a_schema_and_kept():
    with pytest.raises(InvalidReply) as caught:
        _reply({"content": [{"type": "text", "text": "x"}]})
    assert caught.value.reply.text


@pytest.mark.parametrize(
    "content", [b"", b"null", b"[]", b"{}", b'{"choices": []}', b'{"choices": [null]}', b'"x"', b"{"]
)
def test_what_is_no_completion_is_a_provider_that_is_down(content):
    with pytest.raises(ProviderDown, match="not a chat completion"):
        reply_of(CALL, content, SENT)


def test_error_in_a_success_is_sorted_by_its_own_code():
    with pytest.raises(RateLimited, match="slow down"):
        reply_of(CALL, b'{"error": {"code": 429, "message": "slow down"}}', SENT)
