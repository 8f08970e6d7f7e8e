import io
import subprocess
import sys
import textwrap
import threading

import pytest

from toolkit.display import figure
from toolkit.display.style import PALETTE, save

PNG = b"\x89PNG\r\n\x1a\n"


def test_figure_wears_the_house_style_and_leaves_the_users_alone():
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    fig, axes = figure(5, 2, title="Votes")
    assert axes.get_title(loc="left") == "Votes"
    assert fig.get_size_inches().tolist() == [5, 2]
    assert not axes.spines["top"].get_visible()
    assert axes.plot([1, 2])[0].get_color() == PALETTE[0]
    assert dict(mpl.rcParams) == before


def test_figure_says_in_words_what_it_shows():
    """For exports that hand it to those who do not see the picture."""
    fig, axes = figure(2, 1, title="Votes\nof all")
    axes.set_xlabel("share")
    data, told = fig._repr_mimebundle_()
    assert data["image/png"].startswith(PNG)
    assert told["image/png"]["alt"] == "Votes of all. share"
    assert figure()[0]._repr_mimebundle_()[1]["image/png"]["alt"] == "A figure"


def test_figure_uses_no_pyplot_also_off_the_main_thread():
    code = """
        import sys, threading
        from toolkit.display import figure
        found = []
        def work():
            fig, axes = figure(title="x")
            axes.bar(["a", "b"], [1, 2])
            found.append(fig._repr_png_())
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        assert found[0].startswith(b"\\x89PNG")
        assert "matplotlib.pyplot" not in sys.modules
    """
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout == done.stderr == ""


def test_figures_made_by_many_threads_at_once_leave_the_users_style():
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    threads = [threading.Thread(target=lambda: [figure() for _ in range(3)]) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert dict(mpl.rcParams) == before


@pytest.mark.parametrize(("suffix", "start"), [("png", PNG), ("svg", b"<?xml"), ("pdf", b"%PDF")])
def test_saved_picture_has_the_same_bytes_each_time(suffix, start, tmp_path):
    """S0-18"""
    for name in ("first", "second"):
        fig, axes = figure(2, 1, title="x")
        axes.bar(["a", "b"], [1, 2])
        save(fig, tmp_path / f"{name}.{suffix}", dpi=72)
    written = (tmp_path / f"first.{suffix}").read_bytes()
    assert written == (tmp_path / f"second.{suffix}").read_bytes()
    assert written.startswith(start)


def test_picture_in_a_binary_file_is_a_png_without_its_maker():
    held = io.BytesIO()
    save(figure(2, 1)[0], held)
    assert held.getvalue().startswith(PNG)
    assert b"matplotlib" not in held.getvalue().lower()
