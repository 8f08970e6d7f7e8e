import time

import pytest

import toolkit as tk
from tests.images.dots import Dots
from toolkit.errors import InvalidInput
from toolkit.images import Gallery, ImagePlan, ImageStore, gallery, plan_portraits, render_image, render_images
from toolkit.images.renderers.sketch import LABEL

FOX = ImagePlan("A red fox in snow", image_type="beast", size="64")


def test_gallery_of_a_lab_shows_what_the_study_keeps_newest_first(lab):
    """S3-17."""
    made = []
    for place in range(3):
        made.append(render_image(FOX.replace(seed=place), lab=lab))
        time.sleep(0.005)
    shown = gallery(lab)
    assert [one.sha256 for one in shown] == [one.sha256 for one in reversed(made)]
    assert [one.plan for one in shown] == [one.plan for one in reversed(made)]
    first, again = made[2].to_dict(), shown[0].to_dict()
    assert {name for name in first if first[name] != again[name]} == {"reused"}
    assert [one.sha256 for one in gallery(ImageStore.of(lab))] == [one.sha256 for one in shown]


def test_gallery_filters_by_type_and_persona(lab):
    """S3-17."""
    panel = tk.generate_personas(3, "us-adults-2012", detail="facts", lab=lab)
    plans = plan_portraits(panel, size=64, lab=lab)
    pictures = render_images([*plans, FOX], lab=lab)
    assert len(pictures.gallery(type="portrait")) == 3
    assert [one.plan for one in gallery(lab, type="beast")] == [FOX]
    assert [one.plan for one in gallery(lab, persona="p0002")] == [plans[1]]
    assert [one.plan for one in pictures.gallery().filter(persona=panel[0].name)] == [plans[0]]
    assert len(gallery(lab, type="beast", persona="p0002")) == 0
    with pytest.raises(InvalidInput, match="no type"):
        gallery(lab, type="photo")


def test_failed_cards_show_their_plan_and_retry_costs_no_planning(lab):
    """S3-10, S3-17."""
    dots = Dots(trouble=[RuntimeError("it broke <b>here</b>")])
    pictures = render_images([FOX, FOX.replace(seed=1), FOX.replace(seed=2, n=2)], renderer=dots, lab=lab)
    shown = gallery(pictures)
    (failed,) = shown.failed
    html = shown._repr_mimebundle_()["text/html"]
    assert failed.plan.plan_id[:12] in html
    assert f">{failed.plan.enhanced_prompt}</div>" in html
    assert "provider_failed" in html
    assert "it broke &lt;b&gt;" in html
    assert "gallery.retry()" in html
    again = shown.retry()
    assert isinstance(again, Gallery)
    assert again.failed == ()
    assert [one.plan for one in again] == [one.plan for one in shown]
    assert len(dots.orders) == 5
    assert {row.stage for row in lab.ledger.rows()} == {"images.render"}
    assert shown.retry(renderer="sketch").failed == ()


def test_retry_that_fails_again_stays_a_failed_card(lab):
    dots = Dots(trouble=[RuntimeError("one"), RuntimeError("two")])
    shown = gallery(render_images([FOX.replace(n=2)], renderer=dots, lab=lab))
    assert len(shown.failed) == 2
    dots._trouble = [RuntimeError("three")]
    assert len(shown.retry().failed) == 1


def test_button_on_a_failed_card_renders_its_plan_in_the_background(lab):
    """S3-10, S3-17."""
    dots = Dots(seconds=0.05, trouble=[RuntimeError("it broke")])
    widget = render_images([FOX], renderer=dots, lab=lab).gallery().widget()
    card, button = widget.children[0].children
    assert "it broke" in card.value
    button.click()
    assert button.disabled
    deadline = time.monotonic() + 20
    while "<img" not in card.value and time.monotonic() < deadline:
        time.sleep(0.02)
    assert "<img" in card.value
    assert len(dots.orders) == 2


def test_gallery_of_many_pictures_stays_small(lab):
    dots = Dots(noise=True)
    plans = [FOX.replace(seed=place, size="160", original_prompt="fox " * 300) for place in range(60)]
    pictures = render_images(plans, renderer=dots, lab=lab)
    for shown in (pictures, gallery(pictures), gallery(lab), pictures[0]):
        html = shown._repr_mimebundle_()["text/html"]
        assert len(html.encode()) < 64_000
    assert "more" in gallery(lab)._repr_mimebundle_()["text/html"]
    assert len(repr(gallery(lab))) < 64_000


def test_picture_shows_itself_and_where_it_comes_from(lab):
    sketch, dot = render_image(FOX, lab=lab), render_image(FOX, renderer=Dots(), lab=lab)
    html = sketch._repr_mimebundle_()["text/html"]
    assert "<img" in html
    assert LABEL in html
    assert sketch.storage_path in html
    told = repr(dot)
    assert "dots:dots" in told
    assert "$0.25" in told
    assert "photograph" not in told
    dot.path.unlink()
    assert "not there any more" in dot._repr_mimebundle_()["text/html"]


def test_gallery_gathers_results_pictures_and_galleries(lab):
    one, two = render_images([FOX], lab=lab), render_image(FOX.replace(seed=1), lab=lab)
    assert len(gallery([one, two, gallery(lab)])) == 4
    assert len(gallery(two)) == 1
    assert len(gallery([])) == 0
    assert len(gallery([one, two])[:1]) == 1
    assert gallery([one, two]).frame["type"].tolist() == ["beast", "beast"]
    with tk.Lab("scripted", study="empty") as empty:
        assert len(gallery()) == 0
        assert "0 pictures" in repr(gallery(empty))
        empty.close()


@pytest.mark.parametrize("wrong", [7, "pictures", [7], {"a": 1}])
def test_what_holds_no_pictures_is_refused(wrong):
    with pytest.raises(InvalidInput):
        gallery(wrong)
