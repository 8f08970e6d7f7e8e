"""Logfire as the place where spans and metrics go: set up by the user, offline, and no part of the toolkit."""

import json
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs" / "tracing.md"

SETUP = """
    import logfire
    from logfire import MetricsOptions
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    spans, reader = InMemorySpanExporter(), InMemoryMetricReader()
    logfire.configure(
        send_to_logfire=False,
        console=False,
        additional_span_processors=[SimpleSpanProcessor(spans)],
        metrics=MetricsOptions(additional_readers=[reader]),
    )
"""
STUDY = """
    import toolkit as tk

    with tk.Lab("scripted", study="study", trace=True) as lab:
        tk.generate_personas(3, "us-adults-2012", detail="brief", lab=lab)
        lab.close()
"""
TELL = """
    import json

    data = reader.get_metrics_data()
    scopes = [scope for resource in data.resource_metrics for scope in resource.scope_metrics]
    metrics = {one.name for scope in scopes for one in scope.metrics}
    found = [(span.name, dict(span.attributes)) for span in spans.get_finished_spans()]
    print(json.dumps({"spans": found, "metrics": sorted(metrics)}, default=str))
"""


def run(folder: Path, *pieces: str) -> dict[str, list[object]]:
    """Run pieces in a process of their own, for logfire sets up a whole process."""
    script = "\n".join(textwrap.dedent(piece) for piece in pieces)
    done = subprocess.run(
        [sys.executable, "-W", "error::ResourceWarning", "-c", script],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, list[object]] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize("pieces", [(SETUP, STUDY), (STUDY, SETUP, STUDY.replace('study="study"', 'study="later"'))])
def test_logfire_gets_spans_and_metrics_whenever_it_is_set_up(pieces: tuple[str, ...], tmp_path: Path) -> None:
    """S2-19: ``send_to_logfire=False`` works offline."""
    found = run(tmp_path, *pieces, TELL)
    names = [name for name, _ in found["spans"]]  # type: ignore[misc]
    assert names.count("chat default") == 3
    assert names.count("invoke_workflow generate_personas") == 1
    calls = [told for name, told in found["spans"] if name == "chat default"]  # type: ignore[misc]
    assert all(told["stage"] == "personas" and told["gen_ai.usage.input_tokens"] > 0 for told in calls)
    assert {"gen_ai.client.token.usage", "toolkit_engine_call_seconds"} <= set(found["metrics"])


def test_toolkit_never_loads_logfire_itself(tmp_path: Path) -> None:
    """S2-19: an absent package is no error, for nothing of ours imports it."""
    absent = "import sys\nsys.modules['logfire'] = None\n"
    found = run(tmp_path, absent, STUDY, "import json\nprint(json.dumps({'calls': [len(lab.ledger)]}))")
    assert found["calls"] == [3]


def test_documents_show_how() -> None:
    assert "logfire.configure(send_to_logfire=False" in DOCS.read_text(encoding="utf-8")
    assert "dramatis-toolkit[logfire]" in DOCS.read_text(encoding="utf-8")
