import asyncio
import dataclasses
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

import toolkit as tk
from tests.images.dots import Dots
from toolkit.errors import Incomplete, InvalidInput
from toolkit.images import ImagePlan, ImageStore, RenderError, gallery, plan_image, render_image, render_images
from toolkit.models import Usage
from toolkit.questions import Option

FOX = ImagePlan("A red fox in snow", image_type="beast", size="64")


def foxes(n):
    return [FOX.replace(seed=place) for place in range(n)]


def statuses(lab):
    return [row.status for row in lab.ledger.rows()]


def test_render_gives_the_picture_and_asks_the_renderer_once(lab):
    """S3-04, S3-05, S3-08."""
    dots = Dots()
    result = render_image(FOX, renderer=dots, lab=lab)
    assert len(dots.orders) == 1
    assert result.path.read_bytes() == dots.picture(dots.orders[0])
    assert (result.service, result.model, result.reused, result.cost) == ("dots", "dots", False, 0.25)
    assert result.request_id == "dots-1"
    assert result.latency_s is not None
    (row,) = lab.ledger.rows()
    assert (row.stage, row.model, row.cost) == ("images.render", "dots:dots", 0.25)


def test_awaitable_twin_gives_the_same(lab):
    """S3-04."""

    async def twice():
        return await asyncio.gather(*(render_image.aio(FOX, renderer="sketch", lab=lab) for _ in range(2)))

    first, second = asyncio.run(twice())
    assert first.sha256 == second.sha256
    assert sorted([first.reused, second.reused]) == [False, True]


def test_payload_has_every_key_that_older_callers_know(lab):
    """S3-12."""
    old = {
        "success", "image_url", "proxy_url", "local_path", "storage_path", "storage_bucket", "storage_filename",
        "mime_type", "gcs_uploaded", "prompt", "original_prompt", "type", "style", "service", "model", "error",
    }  # fmt: skip
    new = {"size_bytes", "width", "height", "sha256", "latency_s", "cost", "plan", "reused"}
    failing = Dots("failing", trouble=[RuntimeError("broken")])
    for body in (
        render_image(FOX, lab=lab).to_dict(),
        render_images([FOX], renderer=failing, lab=lab)[0].to_dict(),
    ):
        assert old | new <= set(body)
        assert ImagePlan.from_dict(body["plan"]) == FOX
    assert body["success"] is False
    assert "broken" in body["error"]


def test_urls_paths_and_record_agree_and_resolve(lab):
    """S3-06."""
    result = render_image(FOX.replace(session_id="wave-1"), lab=lab)
    body = result.to_dict()
    assert body["storage_path"] == f"media/images/wave-1/beasts/{body['storage_filename']}"
    assert body["image_url"] == body["proxy_url"] == f"/api/images/{body['storage_path']}"
    store = ImageStore.of(lab)
    assert str(store.resolve(body["proxy_url"])) == body["local_path"]
    with store.serve(key=True):
        assert result.image_url.startswith("http://127.0.0.1:")


# --- the same plan ---


def test_fifty_equal_plans_asked_at_once_render_once(lab):
    """S3-16."""
    dots = Dots(seconds=0.2)
    seen = []
    lab.events.subscribe(seen.append, "image_rendered")
    with ThreadPoolExecutor(50) as pool:
        results = list(pool.map(lambda _: render_image(FOX, renderer=dots, lab=lab), range(50)))
    assert len(dots.orders) == 1
    assert len({one.sha256 for one in results}) == 1
    assert [one.reused for one in results].count(False) == 1
    assert len(seen) == 1


@pytest.mark.parametrize("mode", ["read", "off", "write"])
def test_fifty_equal_plans_of_one_list_render_once_in_every_mode(open_lab, mode):
    """S3-16."""
    lab, dots = open_lab(mode=mode), Dots()
    results = render_images([FOX] * 50, renderer=dots, lab=lab)
    assert len(dots.orders) == 1
    assert [one.reused for one in results].count(False) == 1
    assert len(results.frame) == 50


def test_two_processes_that_want_one_picture_render_it_once(tmp_path):
    """S3-16."""
    script = textwrap.dedent("""
        import sys, pathlib
        import toolkit as tk
        from tests.images.dots import Dots
        from toolkit.images import ImagePlan, render_image
        log = pathlib.Path("rendered.log")
        class Noisy(Dots):
            async def render(self, order):
                with log.open("a") as file:
                    file.write("once\\n")
                return await super().render(order)
        with tk.Lab("scripted", study="study", tries=1) as lab:
            print(render_image(ImagePlan("A red fox", size="64"), renderer=Noisy(seconds=1.5)).sha256)
            lab.close()
    """)
    root = str(tk.__file__).rsplit("/toolkit/", 1)[0]
    command = [sys.executable, "-c", script]
    runs = [
        subprocess.Popen(command, cwd=tmp_path, env={"PYTHONPATH": root, "PATH": ""}, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    told = {run.communicate(timeout=60)[0].strip() for run in runs}
    assert len(told) == 1
    assert (tmp_path / "rendered.log").read_text() == "once\n"


def test_stored_picture_is_reused_in_another_process_and_for_another_session(open_lab):
    """S3-16: reused is flagged, and each session has a file of its own name."""
    dots = Dots()
    first = open_lab()
    before = render_image(FOX, renderer=dots, lab=first)
    first.close()
    again = render_image(FOX.replace(session_id="wave-2"), renderer=Dots(), lab=open_lab())
    assert again.reused
    assert again.sha256 == before.sha256
    assert "/wave-2/" in again.storage_path
    assert again.path.samefile(before.path)
    assert again.cost == 0.25


def test_refresh_draws_anew_keeps_the_old_and_the_plan_gives_the_new(lab):
    """S3-16."""
    dots = Dots()
    old = render_image(FOX, renderer=dots, lab=lab)
    new = render_image(FOX, renderer=dots, refresh=True, lab=lab)
    assert not new.reused
    assert old.sha256 != new.sha256
    assert old.path.exists()
    assert render_image(FOX, renderer=dots, lab=lab).sha256 == new.sha256
    assert len(dots.orders) == 2
    newest = render_image(FOX, renderer=dots, refresh=True, lab=lab)
    assert render_image(FOX, renderer=dots, lab=lab).sha256 == newest.sha256


def test_seed_variation_quality_format_and_renderer_make_another_picture(lab):
    dots = Dots()
    render_images([FOX, FOX.replace(seed=1), FOX.replace(n=2)], renderer=dots, lab=lab)
    assert len(dots.orders) == 4
    render_image(FOX, renderer=dots, quality="high", lab=lab)
    assert render_image(FOX, renderer=dots, format="jpeg", lab=lab).stored.mime == "image/jpeg"
    render_image(FOX, renderer=Dots("others"), lab=lab)
    assert len(dots.orders) == 6


def test_renderer_is_the_argument_then_the_plans_own_then_a_sketch(lab, monkeypatch):
    """A key in the environment never starts to spend by itself."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    assert render_image(FOX, lab=lab).service == "sketch"
    assert render_image(FOX.replace(model="sketch:card"), lab=lab).model == "card"
    assert render_image(FOX.replace(model="openai:gpt-image-2"), renderer="sketch", lab=lab).service == "sketch"


def test_lost_or_damaged_picture_is_drawn_again(lab):
    dots = Dots()
    first = render_image(FOX, renderer=dots, lab=lab)
    content = ImageStore.of(lab).content(first.sha256, "image/png")
    first.path.unlink()
    content.unlink()
    again = render_image(FOX, renderer=dots, lab=lab)
    assert again.path.read_bytes() == dots.picture(dots.orders[1])
    assert len(dots.orders) == 2
    with again.path.open("r+b") as file:  # the same bytes under both names
        file.write(b"\0" * 30)
    assert render_image(FOX, renderer=dots, lab=lab).path.read_bytes().startswith(b"\x89PNG")


# --- many ---


def test_pictures_keep_the_order_of_their_plans(lab):
    results = render_images(foxes(5), renderer=Dots(seconds=0.01), lab=lab)
    assert [one.plan.seed for one in results] == list(range(5))
    assert results.frame["status"].tolist() == ["ok"] * 5
    assert results.complete
    assert results.report.model == "dots:dots"
    assert results.report.money.spent == pytest.approx(1.25)


def test_budget_stops_before_the_next_picture_and_resume_pays_for_the_rest(open_lab):
    lab, dots = open_lab(concurrency=1), Dots()
    results = render_images(foxes(5), renderer=dots, budget="0.6 USD", lab=lab)
    assert not results.complete
    assert results.report.money.spent <= 0.6
    assert results.frame["status"].tolist() == ["ok", "ok", "not_run", "not_run", "not_run"]
    assert set(results.errors["kind"]) == {"budget"}
    again = render_images(foxes(5), renderer=dots, lab=lab)
    assert again.complete
    assert len(dots.orders) == 5
    with pytest.raises(tk.BudgetReached):
        render_image(FOX, renderer=dots, budget="0.1 USD", lab=lab)


def test_budget_is_kept_by_many_at_once_though_nothing_was_seen_yet(open_lab):
    """A picture says little and bills much, so the first ones are held for by the tokens of their size."""

    class ByTokens(Dots):
        def price(self, usage):
            return usage.output * 1e-4

        async def render(self, order):
            return dataclasses.replace(await super().render(order), usage=Usage(input=20, output=1056))

    plans = [FOX.replace(seed=place, size="1024") for place in range(12)]
    results = render_images(plans, renderer=ByTokens(seconds=0.05), budget="0.40 USD", lab=open_lab(concurrency=8))
    assert 1 <= results.frame["status"].tolist().count("ok") <= 3
    assert results.report.money.spent <= 0.40


def test_budget_in_money_is_refused_where_the_price_is_unknown(open_lab):
    dots = Dots(usd=None)
    with pytest.raises(InvalidInput, match="price of dots:dots is unknown"):
        render_images(foxes(2), renderer=dots, budget="1 USD", lab=open_lab())
    with pytest.raises(InvalidInput, match="price of dots:dots is unknown"):
        render_images(foxes(2), renderer=dots, lab=open_lab(folder="other", budget="1 USD"))
    assert len(render_images(foxes(2), renderer=dots, budget="1 request", lab=open_lab(folder="third")).errors) == 1
    assert len(dots.orders) == 1


def test_stopped_run_keeps_what_finished_and_resume_does_only_the_rest(open_lab):
    lab, dots = open_lab(concurrency=1), Dots(seconds=0.1)
    run = tk.start(render_images, foxes(6), renderer=dots, lab=lab)
    while len(dots.orders) < 3:
        pass
    run.stop()
    results = run.result(timeout=30)
    assert not results.complete
    done = results.frame["status"].tolist().count("ok")
    assert 2 <= done < 6
    rest = results.resume()
    assert rest.complete
    assert [one.reused for one in rest].count(True) == done
    assert not list((ImageStore.of(lab).root / ".scratch").iterdir())


def test_strict_raises_at_the_end_with_the_pictures_that_came(lab):
    dots = Dots(trouble=[None, RuntimeError("broken")])
    with pytest.raises(Incomplete) as caught:
        render_images(foxes(3), renderer=dots, strict=True, lab=lab)
    assert caught.value.result.frame["status"].tolist().count("ok") == 2


def test_estimate_says_what_pictures_will_take_without_drawing_any(open_lab):
    lab = open_lab(api_key="test")
    plans = [ImagePlan("A red fox", seed=place) for place in range(3)]
    told = tk.estimate(render_images, plans, renderer="openai:gpt-image-1.5", lab=lab)
    by_table = sum(plan.price("openai:gpt-image-1.5") for plan in plans)
    assert told.calls == 3
    assert told.money[0] <= by_table <= told.money[1]
    assert told.money[1] < 1.3 * by_table
    assert "3 calls to openai:gpt-image-1.5" in str(told)
    free = tk.estimate(render_images, plans, lab=lab)
    assert free.model == "sketch:card"
    assert free.money in {None, (0.0, 0.0)}
    assert free.output_tokens == (0, 0)
    assert not ImageStore.of(lab).root.exists()


# --- what comes after ---


def test_event_comes_only_after_the_bytes_are_safe(lab):
    """S3-13."""
    seen = []

    def look(event):
        seen.append((event.data["sha256"], ImageStore.of(lab).holds(event.data["sha256"], "image/png")))
        assert {"url", "local_path", "prompt", "type"} <= set(event.data)

    lab.events.subscribe(look, "image_rendered")
    failing = Dots("failing", trouble=[RuntimeError("broken")])
    render_images([FOX], renderer=failing, lab=lab)
    assert seen == []
    result = render_image(FOX, lab=lab)
    render_image(FOX, lab=lab)
    assert seen == [(result.sha256, True)]


def test_results_go_straight_into_a_question(lab):
    pictures = render_images(foxes(2), lab=lab)
    panel = tk.generate_personas(2, "us-adults-2012", detail="facts", lab=lab)
    answers = tk.ask(panel, "Which one?", images=list(pictures), answer=tk.Choice(["first", "second"]), lab=lab)
    assert answers.asked.images[0].digest == pictures[0].sha256
    assert answers.asked.images[0].alt.startswith("A sketch, not a photograph: ")


def test_all_pictures_of_a_run_go_into_a_question_as_they_are(lab):
    pictures = render_images(foxes(3), lab=lab)
    panel = tk.generate_personas(2, "us-adults-2012", detail="facts", lab=lab)
    asked = {"question": "Which one?", "answer": tk.Choice(["first", "second", "third"]), "lab": lab}
    for given in (pictures, pictures.gallery()):
        answers = tk.ask(panel, images=given, **asked)
        assert [one.digest for one in answers.asked.images] == [one.sha256 for one in given]
    assert [one.digest for one in Option("foxes", images=pictures).images] == [one.sha256 for one in pictures]


def test_description_for_models_without_eyes_tells_an_edited_plan_from_the_one_before(lab):
    """S0-07: two drafts of one request are two descriptions."""
    edited = FOX.replace(enhanced_prompt="A red fox on a wall", original_prompt=FOX.original_prompt)
    first, second = render_images([FOX, edited], lab=lab)
    assert (first.alt, second.alt) == (
        "A sketch, not a photograph: A red fox in snow",
        "A sketch, not a photograph: A red fox on a wall",
    )


def test_picture_that_failed_cannot_be_asked_about_and_keeps_its_plan(lab):
    pictures = render_images(foxes(2), renderer=Dots(trouble=[None, RuntimeError("broken")]), lab=lab)
    panel = tk.generate_personas(1, "us-adults-2012", detail="facts", lab=lab)
    with pytest.raises(RenderError, match="broken") as caught:
        tk.ask(panel, "Which one?", images=pictures, answer=tk.Choice(["first", "second"]), lab=lab)
    assert caught.value.plan in foxes(2)
    assert {row.stage for row in lab.ledger.rows()} == {"images.render"}


def test_edit_changes_a_rendered_picture(lab):
    dots = Dots()
    first = render_image(FOX, renderer=dots, lab=lab)
    mask = np.zeros((64, 64, 4), dtype=np.uint8)
    render_image(FOX.replace(style="oil"), renderer=dots, edit_of=first, mask=mask, lab=lab)
    order = dots.orders[1]
    assert order.source.digest == first.sha256
    assert order.mask.size == (64, 64)


def test_recording_replays_sketches_to_the_same_bytes_anywhere(open_lab, tmp_path):
    """A capsule holds what was drawn; sketches are drawn again from it, other pictures are named as missing."""
    lab = open_lab()
    plan = plan_image("a reading room", size=128, lab=lab)
    before = render_images([plan, FOX], lab=lab)
    render_image(FOX, renderer="sketch", refresh=True, lab=lab)
    capsule = lab.freeze(tmp_path / "study.capsule")
    lab.close()
    replay = tk.Lab(capsule=capsule)
    plan = plan_image("a reading room", size=128, lab=replay)
    after = render_images([plan, FOX], lab=replay)
    assert [one.sha256 for one in after] == [one.sha256 for one in before]
    assert all(one.reused and one.path.exists() and not one.recorded for one in after)
    assert len(gallery(replay)) == 2
    folder = ImageStore.of(replay).root
    assert render_image(FOX, refresh=True, lab=replay).success
    replay.close()
    assert folder.exists()


def test_recording_replays_what_was_asked_about_sketches_that_another_pillow_writes_otherwise(open_lab, tmp_path):
    """Encoders differ from one version and processor to the next; the answers are still those of the recording."""
    lab = open_lab()
    asked = {"question": "Which one?", "answer": tk.Choice(["first", "second"])}
    panel = tk.generate_personas(2, "us-adults-2012", detail="facts", lab=lab)
    before = render_images(foxes(2), lab=lab)
    answers = tk.ask(panel, images=before, lab=lab, **asked)
    capsule = lab.freeze(tmp_path / "study.capsule")
    write = Image.SAVE["PNG"]
    Image.register_save(
        "PNG", lambda image, file, name: image.encoderinfo.update(compress_level=1) or write(image, file, name)
    )
    try:
        replay = tk.Lab(capsule=capsule)
        after = render_images(foxes(2), lab=replay)
        again = tk.ask(panel, images=after, lab=replay, **asked)
    finally:
        Image.register_save("PNG", write)
    assert [one.sha256 for one in after] != [one.sha256 for one in before]
    assert [one.recorded for one in after] == [one.sha256 for one in before]
    assert "the bytes are not the same" in after[0].notes[0]
    assert again.frame["answer"].tolist() == answers.frame["answer"].tolist()
    replay.close()


def test_sketches_keep_no_times_so_a_recording_made_anew_is_the_same_file(open_lab, tmp_path):
    made = []
    for folder in ("one", "two"):
        lab = open_lab(folder=folder)
        assert [picture.latency_s for picture in render_images(foxes(3), lab=lab)] == [None] * 3
        made.append(lab.freeze(tmp_path / f"{folder}.capsule").read_bytes())
    assert made[0] == made[1]


def test_recording_without_the_picture_says_so(open_lab, tmp_path):
    lab = open_lab()
    render_image(FOX, renderer=Dots(), lab=lab)
    capsule = lab.freeze(tmp_path / "study.capsule")
    replay = tk.Lab(capsule=capsule)
    with pytest.raises(RenderError, match="take the study's folder images along") as caught:
        render_image(FOX, renderer=Dots(), lab=replay)
    assert caught.value.kind == "bad_image"
    replay.close()


# --- bad input ---


@pytest.mark.parametrize(
    "wrong",
    [
        {"plan": "a fox"}, {"plan": None}, {"plan": FOX.to_dict()}, {"plan": FOX.replace(n=2)}, {"quality": "best"},
        {"format": "svg"}, {"renderer": 7}, {"renderer": object()}, {"renderer": "sketch:oil"}, {"edit_of": "no.png"},
        {"mask": np.zeros((64, 64, 4))}, {"edit_of": np.zeros((64, 64)), "mask": np.zeros((8, 8, 4))},
        {"edit_of": np.zeros((64, 64)), "mask": np.ones((64, 64, 4))}, {"budget": "2"}, {"lab": "study"},
    ],
)  # fmt: skip
def test_bad_input_is_refused_before_anything_is_drawn(wrong, lab):
    with pytest.raises(InvalidInput):
        render_image(**{"plan": FOX, "lab": lab, **wrong})
    assert statuses(lab) == []


@pytest.mark.parametrize("wrong", ["a fox", [], None, [FOX, "a fox"], 7])
def test_what_is_no_list_of_plans_is_refused(wrong, lab):
    with pytest.raises(InvalidInput):
        render_images(wrong, lab=lab)
