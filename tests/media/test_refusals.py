from __future__ import annotations

import os
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure
from PIL import Image as Pillow

from toolkit.errors import ImageInvalid
from toolkit.media import MAX_BYTES, MAX_PIXELS, Image, to_image

_SVG = b'<svg xmlns="http://www.w3.org/2000/svg"/>'

FILES = {
    "empty": (lambda _: b"", "is empty (0 bytes)", "Export"),
    "svg": (lambda _: _SVG, "is an SVG drawing", "Convert it to PNG"),
    "svg_with_head": (
        lambda _: b'\xef\xbb\xbf<?xml version="1.0"?>\n<!-- x -->' + _SVG,
        "is an SVG",
        "Convert it to PNG",
    ),
    "text": (lambda _: b"Dear all,\nsee below.\n", "is text, not an image", "Give a PNG"),
    "long_text": (lambda _: ("a" + "ä" * 2000).encode(), "is text, not an image", "Give a PNG"),
    "web_page": (lambda _: b"\n<!DOCTYPE html><html></html>", "is a web page", "Save the image itself"),
    "pdf": (lambda _: b"%PDF-1.7\n\xe2\xe3", "is a PDF", "Save the page as PNG"),
    "lfs": (lambda _: b"version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer", "git lfs pull"),
    "heic": (lambda _: b"\0\0\0\x18ftypheic\0\0\0\0", "is a HEIC, AVIF or video file", "Convert it"),
    "noise": (lambda _: bytes(range(128, 256)), "is of no image format read here", "Convert it to PNG"),
    "wave": (lambda _: b"RIFF\0\0\0\0WAVEfmt \xff", "is of no image format read here", "Convert it to PNG"),
    "gif": (lambda p: p.animated("GIF"), "is animated", "Save the one frame"),
    "webp": (lambda p: p.animated("WEBP"), "is animated", "Save the one frame"),
    "apng": (lambda p: p.animated("PNG"), "is animated", "Save the one frame"),
    "pages": (lambda p: p.animated("TIFF"), "has several pages", "Save the one frame"),
    "bomb": (lambda p: p.huge_png(), "has 60000 x 60000 pixels, more than the 64 megapixels", "Scale it down"),
    "large": (lambda p: p.huge_png(12_000, 9_000), "has 12000 x 9000 pixels, more than the 64", "Scale it down"),
    "no_rows": (lambda p: p.huge_png(10, 0), "is a PNG that is damaged", "Export"),
    "cut_png": (lambda p: p.encode(p.photo())[:3000], "is a PNG that is damaged or cut short", "Export"),
    "cut_jpeg": (lambda p: p.encode(p.photo(), "JPEG")[:1500], "is a JPEG that is damaged or cut short", "Export"),
    "cut_webp": (lambda p: p.encode(p.photo(), "WEBP")[:900], "is a WEBP that is damaged or cut short", "Export"),
    "cut_gif": (lambda p: p.encode(p.photo(), "GIF")[:3000], "is a GIF that is damaged or cut short", "Export"),
    "head_only": (lambda _: b"\x89PNG\r\n\x1a\n", "is a PNG that is damaged or cut short", "Export"),
}


@pytest.mark.parametrize("kind", FILES)
def test_file_that_is_no_still_image_is_refused_with_the_next_step(tmp_path, pictures, kind):
    """S0-19: what cannot be shown is a clear error, one line, naming file and step."""
    make, message, hint = FILES[kind]
    path = tmp_path / "ad.png"
    path.write_bytes(make(pictures))
    with pytest.raises(ImageInvalid) as caught:
        to_image(path)
    assert caught.value.message.startswith("'ad.png' ")
    assert message in caught.value.message
    assert hint in caught.value.hint
    assert "\n" not in str(caught.value)
    assert str(tmp_path) not in str(caught.value)


def test_phones_picture_with_a_second_picture_inside_is_its_first(pictures):
    first, second = Pillow.fromarray(pictures.photo()), Pillow.fromarray(pictures.photo(60, 40))
    data = pictures.encode(first, "MPO", save_all=True, append_images=[second])
    assert Image(data).size == (120, 90)
    assert to_image(data).mime == "image/jpeg"


def test_single_frame_gif_webp_bmp_and_tiff_are_taken(pictures):
    mimes = {kind: to_image(pictures.encode(pictures.drawing(), kind)).mime for kind in ("GIF", "WEBP", "BMP", "TIFF")}
    assert mimes == {"GIF": "image/gif", "WEBP": "image/webp", "BMP": "image/bmp", "TIFF": "image/tiff"}


def test_missing_file_names_file_folder_and_the_likely_one(tmp_path, monkeypatch, pictures):
    """S0-19: missing file = clear error."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pics").mkdir()
    (tmp_path / "pics" / "advert.png").write_bytes(pictures.encode(pictures.drawing()))
    with pytest.raises(ImageInvalid) as caught:
        Image("pics/avdert.png")
    assert str(caught.value) == "there is no file 'avdert.png' in the folder 'pics'. Did you mean 'advert.png'?"
    with pytest.raises(ImageInvalid, match=r"no file 'ad.png': the folder 'nowhere' does not exist"):
        Image("nowhere/ad.png")
    with pytest.raises(ImageInvalid, match=r"no file 'zzz' in the current folder. A relative path starts at"):
        Image("zzz")


def test_file_that_goes_away_before_it_is_read_is_named(tmp_path, pictures):
    path = tmp_path / "ad.png"
    path.write_bytes(pictures.encode(pictures.drawing()))
    image = Image(path)
    path.unlink()
    with pytest.raises(ImageInvalid, match=r"no file 'ad.png'"):
        _ = image.digest
    path.write_bytes(pictures.encode(pictures.drawing()))
    assert image.size == (120, 90)


def test_folder_pipe_and_impossible_path_are_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pics").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for path, message in (
        ("pics", "'pics' is a folder"),
        ("pipe", "'pipe' is not a regular file"),
        ("x" * 5000, "cannot be opened"),
        ("a\0b", "cannot be opened"),
        ("~nobody-of-this-name/ad.png", "cannot be opened"),
        ("", "is a folder"),
    ):
        with pytest.raises(ImageInvalid, match=message) as caught:
            Image(path)
        assert len(str(caught.value)) < 300


def test_home_folder_is_not_spelled_out_in_errors(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(ImageInvalid, match=r"the folder '~/pics' does not exist") as caught:
        Image("~/pics/ad.png")
    assert str(tmp_path) not in str(caught.value)


def test_too_large_a_file_is_refused_without_reading_it_all(tmp_path):
    path = tmp_path / "ad.png"
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(ImageInvalid, match=r"'ad.png' has more than 100 MB"):
        to_image(path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_file_without_permission_is_named(tmp_path):
    path = tmp_path / "ad.png"
    path.write_bytes(b"x")
    path.chmod(0)
    with pytest.raises(ImageInvalid, match=r"'ad.png' cannot be read: Permission denied"):
        to_image(path)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((0, 5), np.uint8), r"no pixels \(5 x 0\)"),
        (np.zeros((5, 0, 3)), r"no pixels \(0 x 5\)"),
        (np.zeros(5, np.uint8), r"of shape \(5,\) is not an image"),
        (np.zeros((5, 5, 2), np.uint8), r"of shape \(5, 5, 2\)"),
        (np.zeros((1, 5, 5, 3), np.uint8), r"of shape \(1, 5, 5, 3\)"),
        (np.zeros((3, 5, 5), np.uint8), r"of shape \(3, 5, 5\)"),
        (np.array(5, np.uint8), r"of shape \(\)"),
        (np.zeros((5, 5), np.int64), "an array of int64"),
        (np.zeros((5, 5), bool), "an array of bool"),
        (np.zeros((5, 5), complex), "an array of complex128"),
        (np.array([["a"]]), "an array of <U1"),
        (np.full((5, 5), np.nan), "NaN or infinity"),
        (np.full((5, 5), np.inf), "NaN or infinity"),
        (np.full((5, 5), 255.0), "runs from 255 to 255, not from 0 to 1"),
        (np.full((5, 5), -0.1), "runs from -0.1"),
        (np.broadcast_to(np.uint8(0), (9_000, 9_000)), "9000 x 9000 pixels, more than the 64"),
    ],
    ids=lambda value: getattr(value, "shape", None),
)
def test_array_that_is_no_picture_is_refused(array, message):
    with pytest.raises(ImageInvalid, match=message) as caught:
        Image(array)
    assert caught.value.hint


def test_pillow_images_without_meaning_or_pixels_are_refused():
    with pytest.raises(ImageInvalid, match="mode 'F', whose black and white are not defined"):
        Image(Pillow.new("F", (3, 3)))
    with pytest.raises(ImageInvalid, match=r"no pixels \(0 x 3\)"):
        Image(Pillow.new("RGB", (0, 3)))


def test_figure_of_too_many_pixels_is_refused_before_it_is_drawn():
    with pytest.raises(ImageInvalid, match="the figure given has 15000 x 15000 pixels"):
        Image(Figure(figsize=(100, 100)))


@pytest.mark.parametrize(
    ("given", "message", "hint"),
    [
        (None, "None is not an image", "Give a path"),
        (3, "a value of type int is not an image", "Give a path"),
        (["a.png"], "a value of type list is not an image", "verbs take a list"),
        (BytesIO(b"x"), "a value of type BytesIO is not an image", r"its \.read\(\) returns"),
        (Figure().subplots(), "a value of type Axes is not an image", "Give its figure"),
        ("data:image/png;base64", "is not a data URI", "data:image/png"),
        ("data:image/png;base64,@@@@", "not valid base64", "Copy it again"),
        ("https://example.org/a.png", "'a.png' at example.org is a web address", "allow_url=True"),
    ],
)
def test_what_is_no_image_at_all_is_refused(given, message, hint):
    with pytest.raises(ImageInvalid, match=message) as caught:
        Image(given)
    assert caught.match(hint)


def test_refusal_does_not_depend_on_pillows_own_limit(pictures, monkeypatch):
    monkeypatch.setattr(Pillow, "MAX_IMAGE_PIXELS", 10)
    assert to_image(pictures.encode(pictures.photo())).size == (120, 90)
    assert MAX_PIXELS == 64_000_000


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_damaged_bytes_are_an_image_or_refused_and_never_anything_else(data):
    """Whatever a decoder raises on damaged bytes reaches the user as one plain error."""
    kind = data.draw(st.sampled_from(["PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF"]))
    pixels = np.random.default_rng(0).integers(0, 256, (24, 32, 3), np.uint8)
    file = BytesIO()
    Pillow.fromarray(pixels).save(file, format=kind)
    damaged = bytearray(file.getvalue())
    for place in data.draw(st.lists(st.integers(0, len(damaged) - 1), min_size=1, max_size=8)):
        damaged[place] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(1, len(damaged)))
    refusal: ImageInvalid | None = None
    try:
        image = to_image(bytes(damaged[:cut]))
    except ImageInvalid as error:
        refusal = error
    if refusal is None:
        blob = image.normal()
        assert (blob.width, blob.height) == image.size or max(image.size) > 1024
    else:
        assert "\n" not in str(refusal)
        assert refusal.hint
