"""The wheel: what it carries, and that it runs in an empty folder with nothing of the checkout in sight."""

import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from .constraints import ROOT, expected

BARE = {
    name: value
    for name, value in os.environ.items()
    if not name.startswith(("TOOLKIT_", "OPENAI_", "PYTHON", "VIRTUAL_ENV", "COVERAGE"))
}


def run(*words: object, folder: Path) -> str:
    done = subprocess.run(
        [str(word) for word in words], cwd=folder, env=BARE, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout, built as its users' installers build it."""
    target = tmp_path_factory.mktemp("dist")
    if importlib.util.find_spec("hatchling") is not None:
        run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", target, folder=ROOT)
    elif shutil.which("uv"):
        run("uv", "build", "--wheel", "--quiet", "--out-dir", target, folder=ROOT)
    else:
        pytest.skip("neither hatchling nor uv is here to build the wheel with")
    (built,) = target.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def elsewhere(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An environment with the wheel in it and this one's other packages behind it, so that nothing is downloaded."""
    folder = tmp_path_factory.mktemp("elsewhere")
    run(sys.executable, "-m", "venv", "--without-pip", folder / "env", folder=folder)
    python = folder / "env" / "bin" / "python"
    run(sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index", wheel, folder=folder)
    (site,) = (folder / "env" / "lib").glob("python3.*/site-packages")
    (site / "others.pth").write_text(sysconfig.get_path("purelib") + "\n")  # the editable install's .pth stays unread
    yield folder
    shutil.rmtree(folder)


def test_wheel_carries_code_prompts_types_and_data_and_no_tests(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    held = set(names)
    checkout = {path.relative_to(ROOT).as_posix() for path in (ROOT / "toolkit").rglob("*.py")}
    prompts = {path.relative_to(ROOT).as_posix() for path in (ROOT / "toolkit").rglob("*.j2")}
    assert checkout <= held
    assert prompts
    assert prompts <= held
    assert "toolkit/py.typed" in held
    for kind in ("populations", "names", "images"):
        files = [
            path for path in (ROOT / "data" / kind).iterdir() if path.is_file() and path.suffix in {".toml", ".csv"}
        ]
        assert {f"toolkit/_data/{kind}/{path.name}" for path in files} <= held
    assert "toolkit/_data/images/package-plain.png" in held
    tops = {name.split("/")[0] for name in names}
    assert tops == {"toolkit", next(top for top in tops if top.endswith(".dist-info"))}
    assert not [name for name in names if "__pycache__" in name or "/test_" in name or name.endswith(".ipynb")]


def test_wheel_says_what_it_is(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (place,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        metadata = archive.read(place).decode()
        entries = archive.read(place.replace("METADATA", "entry_points.txt")).decode()
    assert "Name: dramatis-toolkit" in metadata
    assert "Requires-Python: >=3.11" in metadata
    assert "License-Expression: MIT" in metadata
    for provider in ("authored", "embedded", "openai", "scripted"):
        assert f"{provider} = toolkit.models.{provider}:open_model" in entries
    assert "toolkit = toolkit.cli:main" in entries


def test_wheel_is_of_a_size_that_installs_in_a_moment(wheel: Path) -> None:
    assert wheel.stat().st_size < 3_000_000


def test_demo_runs_from_the_wheel_in_an_empty_folder(elsewhere: Path) -> None:
    """The issue: built, installed in an empty folder, and the demo runs with the scripted model."""
    work = elsewhere / "work"
    work.mkdir()
    place = run(elsewhere / "env" / "bin" / "python", "-c", "import toolkit; print(toolkit.__file__)", folder=work)
    assert Path(place.strip()).is_relative_to(elsewhere / "env")
    said = run(elsewhere / "env" / "bin" / "toolkit", "demo", "--model", "scripted", "--people", "4", folder=work)
    assert "4 personas against us-adults-2012" in said
    assert (work / "studies" / "demo" / "answers.png").stat().st_size > 1000
    assert str(ROOT) not in said


def test_constraints_file_holds_the_pins() -> None:
    assert (ROOT / "constraints.txt").read_text(encoding="utf-8") == expected()


def test_pins_fit_what_the_package_asks_for() -> None:
    import tomllib

    from packaging.requirements import Requirement

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    pins = {(pin := Requirement(line)).name.lower(): pin for line in project["tool"]["uv"]["constraint-dependencies"]}
    asked = [Requirement(line) for line in project["project"]["dependencies"]]
    for extra in project["project"]["optional-dependencies"].values():
        asked += [Requirement(line) for line in extra]
    for wanted in asked:
        pin = pins.get(wanted.name.lower().replace("_", "-"))
        assert pin is not None, f"{wanted.name} is not pinned"
        (version,) = (str(one.version) for one in pin.specifier)
        assert wanted.specifier.contains(version, prereleases=True), f"{wanted} is not met by {pin}"
