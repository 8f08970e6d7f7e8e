import re
import subprocess
import sys
from pathlib import Path

import toolkit.images
from toolkit.testing import WireServer

GUIDE = Path(toolkit.images.__file__).parents[2] / "docs" / "image-plans.md"


def test_guide_runs_and_says_plan_before_render(monkeypatch):
    """S3-15."""
    text = GUIDE.read_text(encoding="utf-8")
    names = {"__name__": "__main__"}
    for number, block in enumerate(re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL), start=1):
        exec(compile(block, f"{GUIDE.name}, block {number}", "exec"), names)  # noqa: S102  # our own document
    names["lab"].close()
    assert len(names["shown"]) == 6
    assert text.index("plan_image(") < text.index("render_image(")


def test_names_are_importable_and_importing_them_loads_nothing_heavy():
    """S3-15."""
    names = ", ".join(toolkit.images.__all__)
    heavy = {"PIL", "matplotlib", "numpy", "openai", "pandas", "ipywidgets", "genai_prices", "scipy"}
    script = f"from toolkit.images import {names}; import sys; print(sorted({heavy!r} & set(sys.modules)))"
    told = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=GUIDE.parents[1]
    )
    assert told.stdout.strip() == "[]"


def test_nothing_reaches_a_provider_unless_it_is_named(open_lab, monkeypatch):
    """S3-14."""
    with WireServer() as wire:
        monkeypatch.setenv("OPENAI_API_KEY", wire.key)
        monkeypatch.setenv("OPENAI_BASE_URL", wire.url)
        toolkit.images.render_image(toolkit.images.ImagePlan("A red fox", size="64"), lab=open_lab())
        assert wire.requests.total == 0
