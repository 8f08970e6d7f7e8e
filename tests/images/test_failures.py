import os
import resource
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

import toolkit as tk
from tests.images.dots import Dots
from toolkit.errors import CallError, ProviderDown
from toolkit.images import ImagePlan, ImageStore, RenderError, plan_image, render_image, render_images
from toolkit.images.errors import KINDS

FOX = ImagePlan("A red fox in snow", image_type="beast", size="64")


def left_over(root):
    scratch = Path(root) / ".scratch"
    return list(scratch.iterdir()) if scratch.exists() else []


def pictures(root):
    return [path for path in Path(root).rglob("*") if path.suffix in {".png", ".jpg", ".webp"}]


TROUBLE = {
    "provider_failed": [RuntimeError("it broke"), ProviderDown("dots is down"), OSError("no route"), ValueError("x")],
    "bad_image": [b"", b"a poem about foxes", b"\x89PNG\r\n\x1a\nhalf", b"<svg xmlns='http://www.w3.org/2000/svg'/>"],
}


@pytest.mark.parametrize(("kind", "trouble"), [(kind, one) for kind, all_ in TROUBLE.items() for one in all_])
def test_trouble_is_a_typed_error_with_the_plan_and_the_same_plan_renders_afterwards(kind, trouble, lab):
    """S3-09, S3-10."""
    dots = Dots(trouble=[trouble])
    with pytest.raises(RenderError) as caught:
        render_image(FOX, renderer=dots, lab=lab)
    error = caught.value
    assert error.kind == kind
    assert error.kind in KINDS
    assert error.plan is FOX
    assert "\n" not in str(error)
    root = ImageStore.of(lab).root
    assert (pictures(root), left_over(root)) == ([], [])
    assert render_image(error.plan, renderer=dots, lab=lab).success
    assert {row.stage for row in lab.ledger.rows()} == {"images.render"}


@pytest.mark.parametrize("name", ["openai", "openai:gpt-image-2", "sketsh", "nobody:model"])
def test_renderer_that_is_not_to_be_had_is_told_before_anything_runs(name, lab):
    """S3-09."""
    with pytest.raises(RenderError) as caught:
        render_image(FOX, renderer=name, lab=lab)
    assert (caught.value.kind, caught.value.plan) == ("no_provider", FOX)
    assert caught.value.hint
    assert len(lab.ledger) == 0
    assert not ImageStore.of(lab).root.exists()


def test_failed_pictures_are_rows_and_retry_draws_them_alone_without_planning(lab):
    """S3-10."""
    plan = plan_image("a red fox", size=64, lab=lab)
    dots = Dots(trouble=[None, RuntimeError("it broke at sk-proj-" + "a" * 48)])
    first = render_images([plan, FOX], renderer=dots, lab=lab)
    assert first.complete
    assert first.errors["kind"].tolist() == ["renderer_failed"]
    assert "sk-proj-aaaa" not in first.errors["message"][0] + repr(first) + first._repr_mimebundle_()["text/html"]
    assert [one.success for one in first].count(False) == 1
    again = first.retry()
    assert [one.success for one in again] == [True, True]
    assert len(dots.orders) == 3
    assert [row.stage for row in lab.ledger.rows()].count("images.plan") == 1


def test_transport_faults_are_tried_again_by_the_engine(open_lab):
    dots = Dots(trouble=[ProviderDown("away"), ProviderDown("away")])
    result = render_image(FOX, renderer=dots, lab=open_lab(tries=3, time_scale=0.01))
    assert result.success
    assert len(dots.orders) == 3


def test_renderer_that_hangs_times_out_and_leaves_nothing(open_lab):
    """S3-07: cancelled in the middle."""
    lab = open_lab(stage_timeouts={"images": 0.3})
    dots = Dots(seconds=30, to_file=True)
    with pytest.raises(RenderError) as caught:
        render_image(FOX, renderer=dots, lab=lab)
    assert caught.value.kind == "provider_failed"
    assert caught.value.result.errors["kind"].tolist() == ["timeout"]
    assert left_over(ImageStore.of(lab).root) == []
    assert not dots.scratches[0].exists()


def test_temporary_files_of_a_renderer_go_away_and_a_users_file_stays(lab, tmp_path):
    """S3-07: on success and on failure; only what lies in the renderer's own folder is deleted."""
    dots = Dots("scratch", to_file=True, trouble=[None, b"no picture"])
    assert render_image(FOX, renderer=dots, lab=lab).success
    with pytest.raises(RenderError):
        render_image(FOX.replace(seed=1), renderer=dots, lab=lab)
    assert [folder.exists() for folder in dots.scratches] == [False, False]
    mine = tmp_path / "mine.png"
    result = render_image(FOX, renderer=Dots("elsewhere", where=mine), lab=lab)
    assert mine.read_bytes() == result.path.read_bytes()
    missing = Dots("missing", where=tmp_path / "gone.png")
    missing.picture = lambda _: b""
    with pytest.raises(RenderError):
        render_image(FOX, renderer=missing, lab=lab)
    assert (tmp_path / "gone.png").exists()


def test_full_disk_is_told_and_the_picture_that_was_paid_is_written_once_there_is_room(lab):
    """A disk that takes no file of more than a quarter of a megabyte, and a picture of more."""
    dots = Dots(noise=True)
    plan = FOX.replace(size="512")
    root = ImageStore.of(lab).root
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (256_000, hard))
    try:
        with pytest.raises(RenderError) as caught:
            render_image(plan, renderer=dots, lab=lab)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (caught.value.kind, caught.value.plan) == ("persist_failed", plan)
    assert "without drawing again" in str(caught.value)
    assert (pictures(root), left_over(root)) == ([], [])
    result = caught.value.result.retry()[0]
    assert result.path.read_bytes() == dots.picture(dots.orders[0])
    assert len(dots.orders) == 1


def test_store_that_cannot_be_made_is_told_before_the_renderer_is_asked(lab):
    ImageStore.of(lab).root.write_bytes(b"a file where the folder should be")
    dots = Dots()
    with pytest.raises(RenderError) as caught:
        render_image(FOX, renderer=dots, lab=lab)
    assert caught.value.kind == "persist_failed"
    assert dots.orders == []


def test_session_folder_that_cannot_be_made_fails_that_session_only(lab):
    dots = Dots()
    root = ImageStore.of(lab).root
    root.mkdir()
    (root / "blocked").write_bytes(b"a file where the folder should be")
    results = render_images([FOX.replace(session_id="blocked"), FOX], renderer=dots, lab=lab)
    assert [one.success for one in results] == [False, True]
    assert results[0].kind == "persist_failed"
    assert results.errors["kind"].tolist() == ["persist_failed"]
    (root / "blocked").unlink()
    assert all(one.success for one in results.retry())
    assert len(dots.orders) == 1


def test_process_that_is_killed_in_the_middle_leaves_no_temporary_file_and_no_half_image(tmp_path):
    """S3-07: kill -9 while temporary files lie there; the next picture of the study sweeps them away."""
    script = textwrap.dedent("""
        import toolkit as tk
        from tests.images.dots import Dots
        from toolkit.images import ImagePlan, render_images
        lab = tk.Lab("scripted", study="study", tries=1, concurrency=1)
        done = Dots("done")
        render_images([ImagePlan("A red fox", size="64")], renderer=done, lab=lab)
        render_images([ImagePlan("A snow hare", size="64")], renderer=Dots(seconds=60, to_file=True), lab=lab)
    """)
    root = str(tk.__file__).rsplit("/toolkit/", 1)[0]
    run = subprocess.Popen([sys.executable, "-c", script], cwd=tmp_path, env={"PYTHONPATH": root, "PATH": ""})
    images = tmp_path / "study" / "images"
    try:
        deadline = time.monotonic() + 60
        while not list(images.glob(".scratch/*/half.tmp")) and time.monotonic() < deadline:
            time.sleep(0.05)
    finally:
        os.kill(run.pid, signal.SIGKILL)
        run.wait()
    assert list(images.glob(".scratch/*/half.tmp"))
    before = {path: path.read_bytes() for path in pictures(images)}
    assert len(before) == 2  # one picture, under its content's name and its session's
    lab = tk.Lab("scripted", study=tmp_path / "study", tries=1)
    hare = render_image(ImagePlan("A snow hare", size="64"), renderer=Dots(), lab=lab)
    fox = render_image(ImagePlan("A red fox", size="64"), renderer=Dots("done"), lab=lab)
    lab.close()
    assert left_over(images) == []
    assert (hare.reused, fox.reused) == (False, True)
    assert all(path.read_bytes() == data for path, data in before.items())


def test_kinds_of_failures_come_back_from_memory_as_they_were():
    for kind in ("bad_image", "persist_failed", "renderer_failed"):
        assert CallError.of(kind, "it failed").kind == kind
