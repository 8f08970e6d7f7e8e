"""S2-16: a provider that is no part of the toolkit, found by a real entry point, runs whole studies."""

import json
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

DUMMY = Path(__file__).parent / "dummy_provider" / "parrot.py"
DOCS = Path(__file__).parents[2] / "docs" / "providers.md"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Install the dummy as an installer would: its module, and metadata with an entry point beside it."""
    folder = tmp_path / "site"
    metadata = folder / "parrot_provider-1.0.dist-info"
    metadata.mkdir(parents=True)
    (folder / "parrot.py").write_text(DUMMY.read_text())
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: parrot-provider\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[toolkit.providers]\nparrot = parrot:open_model\n")
    return folder


def run_python(code: str, site: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(code)],
        cwd=site.parent,
        env={**os.environ, "PYTHONPATH": str(site), **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_whole_study_on_a_provider_from_an_entry_point(site: Path) -> None:
    """S2-16: panel, question, price of its own, memory, run record, replay: no change to the toolkit."""
    code = """
        import json
        import toolkit as tk
        lab = tk.Lab("parrot:green", study="birds", hurry=True, seed=3)
        def study(lab):
            panel = tk.generate_personas(6, "us-adults-2012", detail="standard", lab=lab)
            return tk.ask(panel, "Which one?", answer=tk.Choice(["plain", "bold"], why=True), repeats=2, lab=lab)
        answers = study(lab)
        ledger = lab.ledger.frame()
        again = study(lab)
        replay = study(tk.Lab(capsule=lab.freeze("birds.capsule")))
        print(json.dumps({
            "model": lab.model, "rows": len(answers), "errors": len(answers.errors), "complete": answers.complete,
            "status": sorted(set(answers.frame["status"])), "again": again.report.live,
            "replayed": replay.frame.equals(answers.frame), "ids": ledger["request_id"].nunique(), "calls": len(ledger),
            "cost": ledger["cost"].sum(), "due": float((ledger["input"] * 1e-6 + ledger["output"] * 2e-6).sum()),
            "recorded": lab.runs.frame["cost_usd"].head(2).sum(), "notes": list(lab.notes),
        }))
    """
    done = run_python(code, site)
    assert done.stderr == ""
    told = json.loads(done.stdout)
    assert (told["model"], told["rows"], told["errors"], told["complete"]) == ("parrot:green", 12, 0, True)
    assert (told["status"], told["again"], told["replayed"]) == (["ok"], 0, True)
    assert told["ids"] == told["calls"] == 18
    assert told["cost"] == pytest.approx(told["due"], abs=1e-9)
    assert told["recorded"] == pytest.approx(told["due"], abs=1e-9)
    assert told["due"] > 0
    assert "does not stand in for people" in told["notes"][0]


def test_providers_own_limits_hold(site: Path) -> None:
    """S2-16: how many at once, and how many a minute, are the provider's to say."""
    code = """
        import asyncio, parrot
        import toolkit as tk
        from toolkit.engine.limit import Limit
        from toolkit.models import Call, Message
        most = now = 0
        class Counted(parrot.Parrot):
            async def complete(self, call):
                global most, now
                now += 1
                most = max(most, now)
                try:
                    return await super().complete(call)
                finally:
                    now -= 1
        model = Counted()
        lab = tk.Lab(model, study="birds")
        tk.generate_personas(30, "us-adults-2012", detail="brief", lab=lab)
        limit = Limit(model, model)
        asyncio.run(limit.complete(Call((Message("user", ("Tea?",)),))))
        print(most, limit.pace.rpm, limit.pace.tpm)
    """
    done = run_python(code, site)
    assert (done.stdout, done.stderr) == ("4 60000 50000000\n", "")


def test_environment_names_a_provider_too_and_its_errors_are_ours(site: Path) -> None:
    code = """
        import toolkit as tk
        try:
            tk.Lab(study="birds")
        except tk.InvalidInput as error:
            print(error)
    """
    done = run_python(code, site, TOOLKIT_MODEL="parrot:pink")
    assert done.stdout == 'there is no parrot \'pink\'. Write "parrot:grey" or "parrot:green".\n'


def test_command_line_reaches_it(site: Path) -> None:
    program = """
        import sys
        from toolkit.cli import main
        sys.argv = ["toolkit", "personas", "-n", "2", "--detail", "brief", "--model", "parrot", "--study", "birds"]
        main()
    """
    done = run_python(program, site)
    assert len([json.loads(line) for line in done.stdout.splitlines()]) >= 2


def test_example_in_the_docs_is_the_one_that_is_tested_and_they_are_short() -> None:
    text = DOCS.read_text()
    (example,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert example == DUMMY.read_text()
    assert len(text.splitlines()) <= 120
