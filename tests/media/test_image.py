from __future__ import annotations

import base64
import copy
import hashlib
import pickle
import subprocess
import sys
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from matplotlib.figure import Figure
from PIL import Image as Pillow

from toolkit.errors import ImageInvalid, InvalidInput
from toolkit.media import Image, to_image


def _file(folder: Path, data: bytes, name: str = "ad.png") -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


class Drawn:
    """An object that is an image, and counts how often it is asked."""

    def __init__(self, what):
        self.what = what
        self.asked = 0

    def __image__(self):
        self.asked += 1
        return self.what


def test_path_bytes_and_data_uri_of_one_file_are_the_same_image(tmp_path, pictures):
    data = pictures.encode(pictures.photo())
    path = _file(tmp_path, data)
    uri = f"data:image/png;base64,{base64.b64encode(data).decode()}"
    given = [path, str(path), data, bytearray(data), memoryview(data), uri]
    assert {Image(one).digest for one in given} == {hashlib.sha256(data).hexdigest()}
    assert {Image(one).size for one in given} == {(120, 90)}
    assert {Image(one).mime for one in given} == {"image/png"}


def test_percent_encoded_data_uri_and_line_breaks_in_base64_are_read(pictures):
    data = pictures.encode(pictures.drawing())
    encoded = base64.encodebytes(data).decode()
    percent = "".join(f"%{byte:02x}" for byte in data)
    assert Image(f"data:image/png;base64,{encoded}").digest == Image(data).digest
    assert Image(f"data:image/png,{percent}").digest == Image(data).digest


def test_equal_pixels_have_equal_digests_whatever_holds_them(pictures):
    pixels = pictures.photo()
    floats = pixels.astype(np.float64) / 255
    given = [pixels, floats, floats.astype(np.float32), np.asfortranarray(pixels), Pillow.fromarray(pixels)]
    assert len({Image(one).digest for one in given}) == 1
    assert Image(pixels).mime is None


def test_grey_colour_and_alpha_arrays_are_taken():
    for shape in ((7, 5), (7, 5, 3), (7, 5, 4)):
        assert Image(np.zeros(shape, np.uint8)).size == (5, 7)


@settings(max_examples=60, deadline=None)
@given(
    arrays(np.uint8, st.tuples(st.integers(1, 6), st.integers(1, 6), st.sampled_from([3, 4]))),
    arrays(np.uint8, st.tuples(st.integers(1, 6), st.integers(1, 6), st.sampled_from([3, 4]))),
)
def test_digests_are_equal_exactly_when_shape_and_pixels_are(one, two):
    same = one.shape == two.shape and bool((one == two).all())
    assert (Image(one).digest == Image(two).digest) == same
    assert Image(one.copy()).digest == Image(one).digest


def test_digest_of_known_pixels_never_changes():
    """A changed digest would make every recorded call about pixels a miss."""
    pixels = np.arange(6, dtype=np.uint8).reshape(2, 3)
    assert Image(pixels).digest == "704385461f8be57ce453b71ddc337fcc6f6d35fa3ee483f801bcab34f4146caa"


def test_array_and_picture_are_taken_as_they_are_when_the_image_is_made(pictures):
    pixels = pictures.photo()
    picture = Pillow.fromarray(pixels)
    from_array, from_picture = Image(pixels), Image(picture)
    before = from_array.digest
    pixels[:] = 0
    picture.paste("white", (0, 0, *picture.size))
    assert from_array.digest == from_picture.digest == before


def test_two_palettes_over_the_same_indices_are_two_images():
    pictures = []
    for colour in ((255, 0, 0), (0, 0, 255)):
        picture = Pillow.new("P", (4, 4), 0)
        picture.putpalette(colour)
        pictures.append(picture)
    assert Image(pictures[0]).digest != Image(pictures[1]).digest


def test_file_is_read_at_the_first_need_and_only_once(tmp_path, pictures):
    path = _file(tmp_path, pictures.encode(pictures.drawing()))
    image = Image(path)
    first = image.digest
    _file(tmp_path, pictures.encode(pictures.photo()))
    assert image.digest == first
    assert image.normal().mime == "image/png"
    assert Image(path).digest != first
    path.unlink()
    assert image.size == (120, 90)


def test_figure_is_rendered_without_touching_it_or_pyplot():
    figure = Figure(figsize=(3, 2))
    axes = figure.subplots()
    axes.plot([1, 3, 2])
    canvas, dpi = figure.canvas, figure.dpi
    had_pyplot = "matplotlib.pyplot" in sys.modules
    image = Image(figure)
    assert image.size == (450, 300)
    assert figure.canvas is canvas
    assert figure.dpi == dpi
    assert ("matplotlib.pyplot" in sys.modules) == had_pyplot
    assert image.digest == Image(figure).digest
    axes.set_title("another")
    assert image.digest != Image(figure).digest


def test_object_with_image_method_is_asked_once(tmp_path, pictures):
    data = pictures.encode(pictures.drawing())
    drawn = Drawn(Drawn(_file(tmp_path, data)))
    image = Image(drawn)
    assert (image.digest, image.size, image.normal().width) == (hashlib.sha256(data).hexdigest(), (120, 90), 120)
    assert (drawn.asked, drawn.what.asked) == (1, 1)


def test_object_whose_image_is_an_image_hands_on_alt_and_name(pictures):
    image = Image(Drawn(Image(pictures.drawing(), alt="A red box", name="box.png")))
    assert (image.alt, image.name) == ("A red box", "box.png")


def test_object_whose_image_is_itself_is_refused():
    drawn = Drawn(None)
    drawn.what = drawn
    with pytest.raises(ImageInvalid, match=r"__image__\(\) of Drawn leads to no image"):
        Image(drawn)


def test_image_of_an_image_keeps_what_is_not_given(pictures):
    image = Image(pictures.drawing(), alt="A red box", name="box.png")
    assert Image(image) == image
    other = Image(image, alt="Ein roter Kasten")
    assert (other.alt, other.name, other.digest) == ("Ein roter Kasten", "box.png", image.digest)
    assert other != image


def test_image_is_hashable_immutable_and_survives_copy_and_pickle(tmp_path, pictures):
    image = Image(_file(tmp_path, pictures.encode(pictures.photo())), alt="Waves")
    for again in (copy.copy(image), copy.deepcopy(image), pickle.loads(pickle.dumps(image))):  # noqa: S301
        assert again == image
        assert hash(again) == hash(image)
        assert again.normal().sha256 == image.normal().sha256
    assert image != "ad.png"
    with pytest.raises(AttributeError):
        image.alt = "other"


@pytest.mark.parametrize("name", ["/home/anna/secret/ad.png", r"C:\Users\anna\ad.png", "../ad.png", "ad.png"])
def test_name_is_never_a_path(pictures, name):
    assert Image(pictures.drawing(), name=name).name == "ad.png"


def test_no_view_of_an_image_shows_its_folder(tmp_path, pictures):
    image = Image(_file(tmp_path, pictures.encode(pictures.photo())), alt="Waves")
    shown = [repr(image), str(image), image.describe(), *image._repr_mimebundle_().values()]
    assert not [one for one in shown if str(tmp_path) in one or tmp_path.name in one]
    assert repr(image) == "Image('ad.png', alt='Waves')"


def test_description_for_models_without_eyes(tmp_path, pictures):
    path = _file(tmp_path, pictures.turned(pictures.photo(), 6), "ad.jpg")
    assert Image(path).describe() == "90 x 120 pixels: no description given"
    told = Image(path, alt="Blue waves\n on  paper").describe()
    assert told == "90 x 120 pixels: Blue waves on paper"
    assert Image(pictures.photo()).describe() == "120 x 90 pixels: no description given"


@pytest.mark.parametrize("width", [3, 320, 1600])
def test_card_is_small_and_escapes_the_alt_text(pictures, width):
    noise = np.random.default_rng(1).integers(0, 256, (max(1, width * 3 // 4), width, 3), np.uint8)
    bundle = Image(noise, alt='<script>alert("x")</script>' * 40)._repr_mimebundle_()
    assert set(bundle) == {"text/html", "text/plain"}
    assert sum(map(len, bundle.values())) < 64_000
    assert "<script" not in bundle["text/html"]
    assert 'src="data:image/' in bundle["text/html"]


def test_card_of_a_damaged_file_says_why_instead_of_failing(tmp_path, pictures):
    path = _file(tmp_path, pictures.encode(pictures.photo())[:2000])
    bundle = Image(path)._repr_mimebundle_()
    assert list(bundle) == ["text/plain"]
    assert "damaged or cut short" in bundle["text/plain"]


@pytest.mark.parametrize(("what", "value"), [("alt", 3), ("alt", None), ("name", 3)])
def test_alt_and_name_that_are_no_text_are_refused(pictures, what, value):
    with pytest.raises(InvalidInput, match=f"{what} is {value}, not text"):
        Image(pictures.drawing(), **{what: value})


def test_the_door_looks_at_the_whole_image_at_once(tmp_path, pictures):
    """Bad input fails before any call is made, also what shows only while decoding."""
    path = _file(tmp_path, pictures.encode(pictures.photo(), "JPEG")[:-400], "ad.jpg")
    assert Image(path).size == (120, 90)
    with pytest.raises(ImageInvalid, match=r"'ad.jpg' is a JPEG that is damaged or cut short"):
        to_image(path)


def test_the_door_lets_an_image_through_unchanged(pictures):
    image = Image(pictures.drawing())
    assert to_image(image) is image
    assert to_image(pictures.drawing(), max_side=64) == image


def test_importing_media_loads_no_heavy_library():
    code = "import sys, toolkit.media; print([m for m in ('PIL', 'numpy', 'matplotlib', 'http') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_digest_of_a_file_needs_no_decoder(tmp_path, pictures):
    path = _file(tmp_path, pictures.encode(pictures.photo()))
    code = "import sys\nfrom toolkit.media import Image\nImage(sys.argv[1]).digest\nprint('PIL' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_a_second_process_finds_the_same_digest_and_bytes(tmp_path, pictures):
    path = _file(tmp_path, pictures.turned(pictures.photo(1500, 1000), 6), "ad.jpg")
    code = "import sys\nfrom toolkit.media import Image\ni = Image(sys.argv[1])\nprint(i.digest, i.normal(768).sha256)"
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    image = Image(path)
    assert done.stdout.split() == [image.digest, image.normal(768).sha256]


def test_pillow_image_opened_from_a_turned_photo_is_turned(pictures):
    data = pictures.turned(pictures.photo(), 6)
    with Pillow.open(BytesIO(data)) as picture:
        opened = Image(picture)
    assert opened.size == Image(data).size == (90, 120)
    assert opened.normal().sha256 == Image(data).normal().sha256
