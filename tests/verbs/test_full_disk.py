"""A full disk ends the run that goes on with one clear line; what was stored stays, and the rest is asked again."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPT = """
import resource, sys
import toolkit as tk
from toolkit.memory import MemoryUnwritable

UNLIMITED = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
lab = tk.Lab("scripted", study=sys.argv[1], seed=7)
panel = tk.generate_personas(600, "us-adults-2012", detail="facts", lab=lab)
resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, resource.RLIM_INFINITY))
try:
    tk.ask(panel, "Tea?", answer=tk.Text(), lab=lab)
except MemoryUnwritable as error:
    print(error)
resource.setrlimit(resource.RLIMIT_FSIZE, UNLIMITED)
answers = tk.ask(panel, "Tea?", answer=tk.Text(), lab=lab)
print(len(answers.frame), answers.errors.empty, 0 < answers.report.cached < 600)
lab.close()
"""


def test_full_disk_ends_the_run_with_one_line_and_loses_nothing_that_was_stored(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SCRIPT, tmp_path / "study"],
        timeout=120,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said, counted = done.stdout.splitlines()[-2:]
    assert "Free space" in said
    assert counted == "600 True True"
