import asyncio
import base64
from io import BytesIO

import numpy as np
import pytest
from PIL import Image as Pillow

from toolkit.errors import InvalidInput, KeyMissing
from toolkit.images import ImagePlan, RenderError, render_image, render_images
from toolkit.images.prices import billed, guessed_tokens, output_tokens
from toolkit.images.renderers.openai import open_renderer, size_for
from toolkit.models import Usage
from toolkit.testing import WireServer

FOX = ImagePlan("A red fox in snow", style="woodcut", negative_prompt="people", size="320x256")
FLARE = "openai:gpt-image-2.5-flare"


@pytest.fixture
def wired(open_lab):
    def open_(wire, **settings):
        return open_lab("openai:wire-model", base_url=wire.url, api_key=wire.key, **settings)

    return open_


def test_generation_sends_the_plan_and_stores_what_comes(wired):
    """S3-04, S3-08, on the lab's own address and key."""
    with WireServer(keep_bodies=True) as wire:
        lab = wired(wire)
        result = render_image(FOX, renderer=FLARE, quality="high", lab=lab)
        (body,) = wire.bodies
    assert body["prompt"] == "A red fox in snow\nStyle: woodcut.\nNot in the picture: people."
    assert (body["model"], body["size"], body["quality"]) == ("gpt-image-2.5-flare", "320x256", "high")
    assert (body["output_format"], body["n"]) == ("png", 1)
    assert (result.width, result.height, result.renderer) == (320, 256, FLARE)
    assert result.request_id.startswith("req_")
    assert result.latency_s is not None
    (row,) = lab.ledger.rows()
    assert (row.output, row.stage, row.model) == (4160, "images.render", FLARE)


def test_edit_sends_picture_and_mask_as_they_are(wired):
    mask = np.zeros((256, 320, 4), dtype=np.uint8)
    mask[:, :100, 3] = 255
    with WireServer(keep_bodies=True) as wire:
        lab = wired(wire)
        first = render_image(FOX, renderer=FLARE, lab=lab)
        second = render_image(FOX.replace(style="oil"), renderer=FLARE, edit_of=first, mask=mask, lab=lab)
        assert render_image(FOX.replace(style="oil"), renderer=FLARE, edit_of=first, mask=mask, lab=lab).reused
        assert not render_image(FOX.replace(style="oil"), renderer=FLARE, edit_of=first, lab=lab).reused
        sent = wire.bodies
    assert second.sha256 != first.sha256
    assert {"image", "mask"} <= set(sent[1])
    assert "mask" not in sent[2]
    assert [row.image for row in lab.ledger.rows()] == [0, 323, 323, 323]


FAULTS = {
    "malformed": "bad_image", "truncated": "bad_image", "empty": "bad_image", "off_schema": "bad_image",
    "garbage": "bad_image", "disguised": "provider_failed", "refusal": "provider_failed",
    "server_error": "provider_failed", "unavailable": "provider_failed", "drop": "provider_failed",
    "drop_mid": "provider_failed", "rate_limited": "provider_failed", "unauthorized": "provider_failed",
    "no_model": "provider_failed", "no_quota": "provider_failed",
}  # fmt: skip


def test_every_fault_is_a_typed_error_and_the_plan_renders_afterwards(wired):
    """S3-09, S3-10."""
    with WireServer(script=[step for fault in FAULTS for step in (fault, "ok")], keep_bodies=True) as wire:
        lab = wired(wire)
        for place, (fault, kind) in enumerate(FAULTS.items()):
            plan = FOX.replace(seed=place, enhanced_prompt=f"A red fox, number {place}")
            with pytest.raises(RenderError) as caught:
                render_image(plan, renderer=FLARE, lab=lab)
            assert (fault, caught.value.kind, caught.value.plan) == (fault, kind, plan)
            assert plan.enhanced_prompt not in str(caught.value)
            assert wire.key not in str(caught.value)
            assert render_image(caught.value.plan, renderer=FLARE, lab=lab).success


def test_server_that_is_down_is_a_typed_error(wired):
    with WireServer() as wire:
        lab = wired(wire)
    with pytest.raises(RenderError, match="cannot be reached") as caught:
        render_image(FOX, renderer=FLARE, lab=lab)
    assert caught.value.kind == "provider_failed"


def test_transport_faults_are_tried_again_and_nobody_is_lost(wired):
    with WireServer(faults={"server_error": 0.2, "drop": 0.1}, seed=3) as wire:
        lab = wired(wire, tries=8, time_scale=0.01)
        results = render_images([FOX.replace(seed=place) for place in range(12)], renderer=FLARE, lab=lab)
        assert [one.success for one in results] == [True] * 12
        assert wire.requests.total > wire.requests.delivered


def test_reply_with_an_address_is_fetched_from_the_same_host(wired):
    """Some endpoints send a URL instead of the picture."""
    file = BytesIO()
    Pillow.new("RGB", (8, 8), "red").save(file, format="PNG")
    renderer = open_renderer("any", base_url="http://127.0.0.1:9/v1")
    answer = type("Answer", (), {})()
    answer.data = [type("One", (), {"b64_json": base64.b64encode(file.getvalue()).decode(), "url": None})()]
    assert asyncio.run(renderer._data(answer)) == file.getvalue()
    answer.data[0].b64_json, answer.data[0].url = None, "http://10.0.0.1/secret.png"
    with pytest.raises(ValueError, match=r"10\.0\.0\.1"):
        asyncio.run(renderer._data(answer))


def test_key_stays_out_of_names_and_reprs(monkeypatch):
    with pytest.raises(KeyMissing, match="OPENAI_API_KEY"):
        open_renderer()
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    renderer = open_renderer()
    assert "sk-secret" not in repr(renderer) + str(renderer.identity) + renderer.identity.json.decode()
    assert renderer.identity.detail == {"base_url": "default"}
    with pytest.raises(InvalidInput, match="no key holds"):
        open_renderer(api_key="sk with spaces")
    with pytest.raises(InvalidInput, match="not a web address"):
        open_renderer(base_url="somewhere", api_key="x")


@pytest.mark.parametrize(
    ("model", "given", "size"),
    [
        ("gpt-image-1.5", (1024, 768), "1536x1024"), ("gpt-image-1.5", (512, 512), "1024x1024"),
        ("gpt-image-1-mini", (600, 1000), "1024x1536"), ("gpt-image-2", (1024, 768), "1024x768"),
        ("gpt-image-2.5-flare", (1000, 700), "1008x704"), ("gpt-image-2.5-flare", (1280, 64), "192x64"),
    ],
)  # fmt: skip
def test_size_is_the_nearest_that_the_model_draws(model, given, size):
    assert size_for(model, *given) == size


def test_prices_are_lists_prices_or_unknown():
    assert output_tokens("gpt-image-1.5", 1024, 1536, "high") == 6240
    assert output_tokens("gpt-image-1.5-2025-12-16", 1024, 1024, "low") == 272
    assert output_tokens("gpt-image-10", 1024, 1024, "low") is None
    assert output_tokens("gpt-image-1.5", 1024, 1024, "auto") is None
    assert guessed_tokens("any", 2048, 2048, "medium") == 4 * 1056
    usage = Usage(input=100, output=1056)
    assert billed("gpt-image-1.5", usage) == pytest.approx(100 * 5e-6 + 1056 * 32e-6)
    assert billed("gpt-image-2.5-flare", usage) == pytest.approx(100 * 5e-6 + 1056 * 30e-6)
    assert billed("no-such-model", usage) is None
    assert billed("gpt-image-1.5", Usage(input=100)) is None
