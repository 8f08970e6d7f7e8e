from io import BytesIO

import numpy as np
import pytest
from PIL import Image as Pillow

from toolkit.errors import InvalidInput, ModelUnknown
from toolkit.images import ImagePlan, open_renderer, renderers
from toolkit.images.plan import TYPES
from toolkit.images.renderer import Order
from toolkit.images.renderers.sketch import drawn
from toolkit.media import Image

PLAN = ImagePlan("A quiet reading room in late autumn light, tall windows, long oak tables", size="320x240")


def pixels(data):
    with Pillow.open(BytesIO(data)) as picture:
        return np.asarray(picture.convert("RGB")).astype(int)


@pytest.mark.parametrize("image_type", TYPES)
def test_sketch_is_the_same_bytes_each_time_in_the_size_of_the_plan(image_type):
    """S3-14: offline and deterministic."""
    plan = PLAN.replace(image_type=image_type, size="256x192")
    data = drawn(Order(plan))
    assert data == drawn(Order(ImagePlan.from_dict(plan.to_dict())))
    assert pixels(data).shape == (192, 256, 3)
    assert pixels(data).std() > 10  # something is drawn


def test_plans_variations_and_generations_look_different():
    orders = [
        Order(PLAN), Order(PLAN, variation=1), Order(PLAN, generation=1), Order(PLAN.replace(seed=3)),
        Order(PLAN.replace(style="oil")), Order(PLAN.replace(image_type="item")),
    ]  # fmt: skip
    assert len({drawn(order) for order in orders}) == len(orders)


def test_label_stands_in_the_upper_right_corner_of_every_sketch():
    """A sketch is never passed off as a photo: the corner holds dark letters on a light ground, whatever is behind."""
    for image_type in TYPES:
        corner = pixels(drawn(Order(PLAN.replace(image_type=image_type, size="480"))))
        height, width, _ = corner.shape
        label = corner[round(height * 0.05) : round(height * 0.075), round(width * 0.6) : round(width * 0.9)]
        grey = label.mean(axis=2)
        assert (grey > 200).mean() > 0.3
        assert (grey < 120).mean() > 0.03


@pytest.mark.parametrize(
    "prompt",
    ["x", "Donaudampfschifffahrtsgesellschaft" * 30, "word " * 3000, "静かな図書館" * 60, "a\n\n\tb", "🦊 \u202e fox"],
)
@pytest.mark.parametrize("size", ["64", "1024x200", "200x1024"])
def test_any_prompt_fits_any_card(prompt, size):
    plan = ImagePlan(prompt, size=size, style="s" * 400, n=10)
    assert pixels(drawn(Order(plan, variation=9))).shape == (plan.height, plan.width, 3)


@pytest.mark.parametrize("kind", ["png", "jpeg", "webp"])
def test_every_format_is_what_it_says(kind):
    with Pillow.open(BytesIO(drawn(Order(PLAN, format=kind)))) as picture:
        assert picture.format == kind.upper()


def test_edit_shows_the_picture_and_where_it_is_to_be_changed():
    source = Image(np.full((60, 80, 3), 30, dtype=np.uint8))
    mask = np.zeros((60, 80, 4), dtype=np.uint8)
    mask[:, :40, 3] = 255
    plain, masked = (pixels(drawn(Order(PLAN, source=source, mask=one))) for one in (None, Image(mask)))
    middle = slice(60, 100)
    assert np.allclose(plain[middle, 100:130], 30, atol=4)
    assert np.allclose(masked[middle, 100:130], 30, atol=4)
    assert not np.allclose(masked[middle, 190:220], 30, atol=20)


def test_renderers_are_found_by_name():
    assert {"openai", "sketch"} <= set(renderers())
    with pytest.raises(ModelUnknown, match="Did you mean 'sketch'"):
        open_renderer("sketsh")
    with pytest.raises(InvalidInput, match="no sketch 'oil'"):
        open_renderer("sketch:oil")
