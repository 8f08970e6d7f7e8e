from __future__ import annotations

import subprocess
import sys
import tomllib

import numpy as np
import pytest
from PIL import Image as Pillow

from toolkit.media import Image
from toolkit.resources import data_file

PACKAGES = ["package-plain.png", "package-bold.png"]
ADS = ["ad-number.png", "ad-mood.png", "ad-word.png"]
NAMES = [*PACKAGES, *ADS]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """The pictures as the script draws them here and now."""
    folder = tmp_path_factory.mktemp("drawn")
    for script in ("make_packages.py", "make_ads.py"):
        subprocess.run([sys.executable, data_file(f"images/{script}"), folder], check=True)
    return folder


@pytest.mark.parametrize("name", NAMES)
def test_committed_picture_is_what_the_script_draws(drawn, name):
    with Pillow.open(data_file(f"images/{name}")) as committed, Pillow.open(drawn / name) as fresh:
        assert committed.size == fresh.size == (640, 800)
        difference = np.abs(np.asarray(committed.convert("RGB"), int) - np.asarray(fresh.convert("RGB"), int))
    assert difference.mean() < 1  # another FreeType may draw the edges of letters a little differently


@pytest.mark.parametrize("name", NAMES)
def test_picture_is_small_and_sent_as_a_drawing(name):
    path = data_file(f"images/{name}")
    assert path.stat().st_size < 60_000
    assert Image(path).normal().mime == "image/png"


@pytest.mark.parametrize(("told", "names"), [("packages.toml", PACKAGES), ("ads.toml", ADS)])
def test_every_picture_has_an_alt_text_a_name_and_a_title(told, names):
    pictures = tomllib.loads(data_file(f"images/{told}").read_text(encoding="utf-8"))["image"]
    assert sorted(one["file"] for one in pictures) == sorted(names)
    for one in pictures:
        assert set(one) == {"name", "file", "title", "alt"}
        assert 100 < len(one["alt"]) < 400
        assert Image(data_file(f"images/{one['file']}"), alt=one["alt"]).describe().endswith(one["alt"])
