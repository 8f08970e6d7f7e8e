from __future__ import annotations

import base64
import hashlib
import threading
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure
from PIL import Image as Pillow
from PIL import ImageCms

from toolkit.errors import ImageInvalid, InvalidInput
from toolkit.media import NORMAL_FORM, Blob, Image
from toolkit.media.normal import BLOBS, BlobCache
from toolkit.resources import data_file


def _pixels(blob: Blob) -> np.ndarray:
    with Pillow.open(BytesIO(blob.data)) as picture:
        assert picture.size == (blob.width, blob.height)
        return np.asarray(picture.convert("RGB")).astype(int)


def _corners(pixels: np.ndarray) -> list[tuple[int, ...]]:
    height, width = pixels.shape[:2]
    places = ((0, 0), (0, width - 1), (height - 1, 0), (height - 1, width - 1))
    return [tuple(round(value / 255) for value in pixels[place]) for place in places]


def test_preprocessing_of_the_cli_contract(tmp_path, pictures):
    """S0-19: long side limited to 768 px, quality 85, EXIF applied, content-addressed reuse."""
    path = tmp_path / "ad.jpg"
    path.write_bytes(pictures.turned(pictures.photo(1000, 800), 6))
    blob = Image(path).normal(max_side=768, quality=85)
    assert (blob.width, blob.height, blob.mime) == (614, 768, "image/jpeg")
    assert Image(path.read_bytes()).normal(max_side=768, quality=85) is blob


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_exif_turn_is_applied_in_every_format(pictures, kind, orientation):
    """S0-19: the pixels are turned as the camera's mark says, and the size says the same."""
    upright = np.zeros((40, 60, 3), np.uint8)
    upright[:20, :30] = (255, 0, 0)
    upright[:20, 30:] = (0, 255, 0)
    upright[20:, :30] = (0, 0, 255)
    undo = {
        1: lambda p: p,
        2: lambda p: p[:, ::-1],
        3: lambda p: p[::-1, ::-1],
        4: lambda p: p[::-1],
        5: lambda p: p.transpose(1, 0, 2),
        6: np.rot90,
        7: lambda p: p[::-1, ::-1].transpose(1, 0, 2),
        8: lambda p: np.rot90(p, -1),
    }
    stored = np.ascontiguousarray(undo[orientation](upright))
    image = Image(pictures.turned(stored, orientation, kind))
    assert image.size == (60, 40)
    assert _corners(_pixels(image.normal())) == [(1, 0, 0), (0, 1, 0), (0, 0, 1), (0, 0, 0)]


@pytest.mark.filterwarnings("ignore:Corrupt EXIF:UserWarning")  # Pillow's own word to the user
def test_photo_with_damaged_exif_is_shown_as_it_lies(pictures):
    data = pictures.encode(pictures.photo(), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff")
    image = Image(data)
    assert image.size == (120, 90)
    assert image.normal().width == 120


def test_alpha_is_laid_on_white():
    pixels = np.zeros((4, 4, 4), np.uint8)
    pixels[:, 2:, 3] = 255
    pixels[0, 0] = (255, 0, 0, 128)
    shown = _pixels(Image(pixels).normal())
    assert shown[3, 0].tolist() == [255, 255, 255]
    assert shown[3, 3].tolist() == [0, 0, 0]
    assert shown[0, 0].tolist() == [255, 127, 127]


def test_transparent_palette_and_grey_pictures_are_laid_on_white(pictures):
    palette = Pillow.new("P", (4, 4), 0)
    palette.putpalette((0, 0, 0, 255, 0, 0))
    for picture in (palette, Pillow.new("L", (4, 4), 0), Pillow.new("LA", (4, 4), (0, 0))):
        more = {} if picture.mode == "LA" else {"transparency": 0}
        shown = _pixels(Image(pictures.encode(picture, "PNG", **more)).normal())
        assert (shown == 255).all()


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGB", "RGBA", "CMYK", "YCbCr", "HSV"])
def test_white_is_white_in_every_mode(mode):
    picture = Pillow.new("RGB", (5, 4), "white").convert(mode)
    assert (_pixels(Image(picture).normal(format="png")) == 255).all()


def test_sixteen_bit_grey_keeps_its_tones(pictures):
    grey = np.array([[0, 16_448, 32_896, 65_535]], np.uint16)
    shown = _pixels(Image(pictures.encode(Pillow.fromarray(grey))).normal())
    assert shown[0, :, 0].tolist() == [0, 64, 128, 255]


def test_colour_profile_goes_into_the_pixels(pictures):
    """Metadata is stripped, so a profile that stayed only metadata would shift the colours."""
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    pixels = pictures.drawing()
    plain = Image(pictures.encode(pixels)).normal()
    assert Image(pictures.encode(pixels, icc_profile=srgb)).normal().sha256 == plain.sha256
    swapped = srgb.replace(b"rXYZ", b"????", 1).replace(b"gXYZ", b"rXYZ", 1).replace(b"????", b"gXYZ", 1)
    swapped = swapped.replace("sRGB".encode("utf-16-be"), "Test".encode("utf-16-be"))
    shown = _pixels(Image(pictures.encode(pixels, icc_profile=swapped)).normal())
    assert np.abs(shown - pixels[:, :, [1, 0, 2]]).max() <= 2  # red and green are one another's in this profile
    for foreign in (lab.tobytes(), b"no profile at all"):
        assert Image(pictures.encode(pixels, icc_profile=foreign)).normal().sha256 == plain.sha256


def test_metadata_is_stripped(pictures):
    for max_side in (1024, 50):
        for image_format in ("png", "jpeg"):
            blob = Image(pictures.turned(pictures.photo(), 3)).normal(max_side, image_format)
            assert b"SecretCameraMaker" not in blob.data
            assert b"Exif" not in blob.data
            assert b"eXIf" not in blob.data


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 300), st.integers(1, 300), st.integers(1, 300))
def test_pictures_only_shrink_and_keep_their_shape(width, height, max_side):
    blob = Image(np.zeros((height, width), np.uint8)).normal(max_side)
    longest = max(width, height)
    scale = min(1, max_side / longest)
    assert max(blob.width, blob.height) == min(longest, max_side)
    assert abs(blob.width - width * scale) <= 0.5 or blob.width == 1
    assert abs(blob.height - height * scale) <= 0.5 or blob.height == 1


def test_drawings_become_png_and_photos_jpeg(pictures):
    sample = Path(mpl.get_data_path()) / "sample_data"
    figure = Figure()
    figure.subplots().plot([1, 3, 2])
    on_white = np.full((900, 900, 3), 255, np.uint8)
    on_white[200:700, 200:700] = pictures.photo(500, 500)
    given = {
        "portrait photo": sample / "grace_hopper.jpg",
        "product photo on white": on_white,
        "noise": np.random.default_rng(0).random((90, 120, 3)),
        "calm package": data_file("images/package-plain.png"),
        "loud package": data_file("images/package-bold.png"),
        "enlarged package": Pillow.open(data_file("images/package-bold.png")).convert("RGB").resize((1600, 2000)),
        "logo": sample / "logo2.png",
        "figure": figure,
        "grey ramp": np.tile(np.linspace(0, 1, 256), (50, 1)),
        "one pixel": np.zeros((1, 1)),
        "one column": np.arange(250, dtype=np.uint8).reshape(250, 1),
    }
    chosen = {name: Image(one).normal().mime for name, one in given.items()}
    photos = {name for name, mime in chosen.items() if mime == "image/jpeg"}
    assert photos == {"portrait photo", "product photo on white", "noise"}


def test_format_can_be_said(pictures):
    image = Image(pictures.photo())
    assert image.normal(format="png").mime == "image/png"
    assert image.normal(format="JPG").mime == "image/jpeg"
    assert len(image.normal(quality=30).data) < len(image.normal(quality=95).data)
    assert (_pixels(image.normal(format="png")) == pictures.photo()).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_side": 0}, "max_side is 0"),
        ({"max_side": 10.5}, "max_side is 10.5"),
        ({"max_side": True}, "max_side is True"),
        ({"quality": 0}, "quality is 0"),
        ({"quality": 96}, "quality is 96"),
        ({"quality": "high"}, "quality is 'high'"),
        ({"quality": True}, "quality is True"),
        ({"format": "svg"}, "format is 'svg'"),
        ({"format": 3}, "format is 3"),
    ],
)
def test_impossible_option_is_named(pictures, options, message):
    with pytest.raises(InvalidInput, match=message):
        Image(pictures.photo()).normal(**options)


def test_blob_says_what_it_holds(pictures):
    blob = Image(pictures.photo()).normal()
    assert blob.sha256 == hashlib.sha256(blob.data).hexdigest()
    assert blob.data_uri == "data:image/jpeg;base64," + base64.b64encode(blob.data).decode()
    assert blob.data_uri is blob.data_uri
    assert len(repr(blob)) < 200


def test_sixteen_threads_make_one_blob_once(pictures):
    image = Image(pictures.encode(pictures.photo(700, 500, seed=16)))
    before = BLOBS.info()
    start = threading.Barrier(16)

    def ask(_: int) -> Blob:
        start.wait()
        return image.normal(max_side=333)

    with ThreadPoolExecutor(16) as threads:
        blobs = list(threads.map(ask, range(16)))
    after = BLOBS.info()
    assert len({id(blob) for blob in blobs}) == 1
    assert (after.misses - before.misses, after.hits - before.hits) == (1, 15)


def test_a_thousand_askings_read_one_file_once(tmp_path, pictures):
    path = tmp_path / "ad.png"
    path.write_bytes(pictures.encode(pictures.photo(200, 150, seed=1000)))
    image = Image(path)
    first = image.normal()
    path.unlink()
    misses = BLOBS.info().misses
    assert all(image.normal() is first for _ in range(1000))
    assert BLOBS.info().misses == misses


def _blob(size: int) -> Blob:
    return Blob(b"x" * size, "image/png", 1, 1, "")


def test_cache_is_bounded_and_drops_what_was_not_used_longest():
    weight = len(_blob(300).data) + len(_blob(300).data_uri)
    cache = BlobCache(weight * 3)
    made: list[str] = []

    def ask(name: str, size: int = 300) -> Blob:
        return cache.get((name, 1, "", 85), lambda: made.append(name) or _blob(size))

    for name in ("a", "b", "c", "a", "d", "a", "b"):
        ask(name)
    assert made == ["a", "b", "c", "d", "b"]
    assert cache.info().blobs == 3
    assert cache.info().size <= weight * 3
    ask("large", weight * 9)
    assert cache.info().blobs == 3


def test_failure_and_interrupt_while_making_leave_the_cache_usable():
    cache = BlobCache(1_000_000)
    key = ("a", 1, "", 85)

    def fail(error: type[BaseException]) -> Blob:
        raise error

    for error in (ImageInvalid, KeyboardInterrupt):
        with pytest.raises(error):
            cache.get(key, lambda error=error: fail(error("stopped")))
    assert cache.get(key, lambda: _blob(3)).data == b"xxx"


def test_one_threads_failure_is_not_anothers():
    cache = BlobCache(1_000_000)
    entered, go = threading.Event(), threading.Event()

    def fail() -> Blob:
        entered.set()
        go.wait(10)
        raise KeyboardInterrupt

    with ThreadPoolExecutor(2) as threads:
        stopped = threads.submit(cache.get, ("a", 1, "", 85), fail)
        entered.wait(10)
        waiting = threads.submit(cache.get, ("a", 1, "", 85), lambda: _blob(3))
        go.set()
        assert waiting.result(10).data == b"xxx"
        assert isinstance(stopped.exception(10), KeyboardInterrupt)


def test_normal_form_of_a_known_drawing_has_not_changed():
    """When this fails, the rule changed: raise NORMAL_FORM, or recorded calls would claim another image was seen."""
    shown = _pixels(Image(np.arange(12, dtype=np.uint8).reshape(3, 4) * 20).normal(max_side=2))
    assert NORMAL_FORM == "1"
    assert shown[:, :, 0].tolist() == [[33, 71], [149, 187]]
