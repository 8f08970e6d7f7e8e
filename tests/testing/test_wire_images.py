import base64
from io import BytesIO

import pytest
from openai import BadRequestError, NotFoundError, OpenAI
from PIL import Image

from toolkit.testing import WireServer


def client(wire):
    return OpenAI(base_url=wire.url, api_key=wire.key, max_retries=0)


def decoded(answer):
    return Image.open(BytesIO(base64.b64decode(answer.data[0].b64_json)))


def test_wire_server_draws_a_picture_of_the_size_asked_for_the_same_each_time():
    with WireServer() as wire, client(wire) as openai:
        first, again, other = (
            openai.images.generate(model="m", prompt=prompt, size="48x32", quality="low")
            for prompt in ("a fox", "a fox", "a hare")
        )
        assert wire.requests.total == 3
    assert decoded(first).size == (48, 32)
    assert first.data[0].b64_json == again.data[0].b64_json != other.data[0].b64_json
    assert first.usage.output_tokens == 272


def test_wire_server_takes_an_edit_as_a_form():
    with WireServer(keep_bodies=True) as wire, client(wire) as openai:
        answer = openai.images.edit(model="m", prompt="a hat", image=("a.png", b"\x89PNG bytes\r\n\r\n"), size="16x16")
        (body,) = wire.bodies
    assert decoded(answer).size == (16, 16)
    assert (body["prompt"], len(body["image"])) == ("a hat", 64)
    assert answer.usage.input_tokens_details.image_tokens == 323


def test_wire_server_refuses_what_is_no_images_request_and_models_it_has_not():
    with WireServer(models=["m"]) as wire, client(wire) as openai:
        with pytest.raises(BadRequestError, match="not an images request"):
            openai.post("/images/generations", body={"size": "16x16"}, cast_to=object)
        with pytest.raises(BadRequestError, match="not an images request"):
            openai.post("/images/edits", body={"prompt": "a hat"}, cast_to=object)
        with pytest.raises(NotFoundError):
            openai.images.generate(model="other", prompt="a fox")
