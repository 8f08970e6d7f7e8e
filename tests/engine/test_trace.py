"""Tracing: every stage's spans and metrics under OpenTelemetry's names; nothing at all when it is off."""

import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest
from opentelemetry import trace

import toolkit as tk
from tests.engine.calls import answer, make_calls
from tests.engine.exporters import Exported, exported
from toolkit.bridge import bridge
from toolkit.engine import Run, _semconv, run_calls
from toolkit.testing import WireServer

OpenLab = Callable[..., tk.Lab]
DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture
def out() -> Exported:
    found = exported()
    found.take_spans()
    return found


def counted(out: Exported, name: str, **where: str) -> float:
    return sum(value for told, value in out.points().get(name, []) if where.items() <= told.items())


def test_each_live_call_has_a_span_with_the_four_keys_in_every_stage(open_lab: OpenLab, out: Exported) -> None:
    """S1-10"""
    with WireServer() as wire:
        lab = open_lab(wire, trace=True)
        panel = tk.generate_personas(3, "us-adults-2012", detail="brief", lab=lab)
        tk.ask(panel, "Would you buy it?", answer=tk.Choice(["yes", "no"]), lab=lab)
    spans = out.take_spans()
    calls = [span for span in spans if span.name == "chat wire-model"]
    runs = {span.context.span_id: span for span in spans if span.name.startswith("invoke_workflow")}  # type: ignore[union-attr]
    rows = {(row.stage, row.item): row for row in lab.ledger.rows()}
    assert len(calls) == len(rows) == 6
    assert {span.attributes["stage"] for span in calls} == {"personas", "questions"}  # type: ignore[index]
    for span in calls:
        told = dict(span.attributes or {})
        row = rows[told["stage"], told["service_id"]]  # type: ignore[index]
        assert told["model_name"] == "openai:wire-model"
        assert told["request_id"] == row.request_id != ""
        assert told["run"] == row.run
        assert (told["gen_ai.usage.input_tokens"], told["gen_ai.usage.output_tokens"]) == (row.input, row.output)
        assert (told["gen_ai.provider.name"], told["gen_ai.operation.name"]) == ("openai", "chat")
        assert span.kind is trace.SpanKind.CLIENT
        assert span.parent is not None
        assert runs[span.parent.span_id].attributes["run"] == row.run  # type: ignore[index]
    assert sorted(span.name for span in runs.values()) == ["invoke_workflow ask", "invoke_workflow generate_personas"]


def test_users_own_span_is_the_parent_of_a_run(open_lab: OpenLab, out: Exported) -> None:
    lab = open_lab(model="scripted", trace=True)
    with trace.get_tracer("notebook").start_as_current_span("my analysis") as mine:
        tk.generate_personas(1, "us-adults-2012", detail="brief", lab=lab)
    (run,) = (span for span in out.take_spans() if span.name.startswith("invoke_workflow"))
    assert run.parent is not None
    assert run.parent.span_id == mine.get_span_context().span_id


def test_failure_is_marked_with_its_kind_and_without_a_traceback(open_lab: OpenLab, out: Exported) -> None:
    lab = open_lab(model="scripted", faults={"refused": 0.4, "malformed": 0.4}, trace=True)
    answer(lab, make_calls(30))
    spans = [span for span in out.take_spans() if span.name.startswith("chat")]
    failed = [span for span in spans if not span.status.is_ok]
    kinds = {span.attributes["error.type"] for span in failed}  # type: ignore[index]
    assert kinds == {"content_refused", "invalid_reply"}
    assert not [event for span in spans for event in span.events]
    paid = [dict(span.attributes or {}) for span in failed if span.attributes["error.type"] == "invalid_reply"]  # type: ignore[index]
    assert all(told["gen_ai.usage.input_tokens"] and told["request_id"] for told in paid)


def test_memory_makes_no_span_and_counts_as_hits(open_lab: OpenLab, out: Exported, tmp_path: Path) -> None:
    """S1-44"""
    lab = open_lab(model="scripted:hits", trace=True)
    answer(lab, make_calls(20))
    out.take_spans()
    answer(lab, make_calls(20))
    assert out.take_spans() == ()
    where = {"model_name": "scripted:hits", "stage": "questions"}
    assert counted(out, "toolkit_cache_misses", **where) == 20
    assert counted(out, "toolkit_cache_hits", **where) == 20
    assert counted(out, "toolkit_engine_call_seconds", **where) == 20
    assert counted(out, "gen_ai.client.operation.duration", **{"gen_ai.request.model": "hits"}) == 20
    assert counted(out, "gen_ai.client.token.usage", **{"gen_ai.request.model": "hits"}) == 40
    assert counted(out, "toolkit_cost_usd", **where) == 0


def test_what_mappings_came_to_is_counted_by_set(open_lab: OpenLab, out: Exported) -> None:
    """S1-09"""
    from toolkit.evolutions import evolve_services
    from toolkit.evolutions.tally import Tally

    told = {name for name in _semconv.METRICS if name.startswith("toolkit_mapping_")}
    assert told == set(Tally(()).metrics())
    lab = open_lab(model="scripted", trace=True)
    before = {name: counted(out, name) for name in told}
    made = evolve_services("town", mapping_sets=["applications", "data"], max_services=1, lab=lab)
    by_set = made.mapping()
    assert counted(out, "toolkit_mapping_features") - before["toolkit_mapping_features"] == len(made.frame) > 0
    for what in ("links", "unknown_ids", "facet_faults", "missing"):
        name = f"toolkit_mapping_{what}"
        assert counted(out, name) - before[name] == sum(one[what] for one in by_set.values())
        assert {one["mapping_set"] for one, _ in out.points()[name]} >= {"applications", "data"}
    lab.close()
    evolve_services("town", mapping_sets=["data"], max_services=1, lab=open_lab(model="scripted"))
    assert counted(out, "toolkit_mapping_features") - before["toolkit_mapping_features"] == len(made.frame)


@pytest.mark.parametrize("fault", [{}, {"server_error": 1.0}])
def test_gauges_are_right_at_the_start_in_the_middle_and_at_the_end(
    fault: dict[str, float], open_lab: OpenLab, out: Exported
) -> None:
    """S1-04: in flight is busy slots, and failures count as completed."""
    import time

    with WireServer(latency=0.3, faults=fault) as wire:
        lab = open_lab(wire, trace=True, concurrency=5, tries=1)
        names = ("toolkit_engine_inflight", "toolkit_engine_submitted", "toolkit_engine_completed")

        def now() -> tuple[float, ...]:
            points = out.points()
            return tuple(points[name][-1][1] for name in names)

        assert now() == (0, 0, 0)
        future = bridge().submit(run_calls(lab.engine, make_calls(10), Run("ask")))
        while wire.requests.total < 5:
            time.sleep(0.001)
        inflight, submitted, completed = now()
        assert inflight == 5
        assert submitted - completed == 5
        future.result(timeout=30)
        assert now() == (0, 10, 10)


def test_closed_lab_is_watched_no_more(open_lab: OpenLab, out: Exported) -> None:
    lab = open_lab(model="scripted:watched", trace=True)
    answer(lab, make_calls(2))
    assert counted(out, "toolkit_engine_submitted", model_name="scripted:watched") == 2
    lab.close()
    watched = [told for told, _ in out.points().get("toolkit_engine_submitted", [])]
    assert {"model_name": "scripted:watched"} not in watched


def test_interrupted_call_ends_its_span_as_cancelled(open_lab: OpenLab, out: Exported) -> None:
    import time

    with WireServer(latency=5.0) as wire:
        lab = open_lab(wire, trace=True, concurrency=3)
        run = Run("ask")
        future = bridge().submit(run_calls(lab.engine, make_calls(9), run))
        while wire.requests.total < 3:
            time.sleep(0.001)
        bridge().call(run.stop)
        future.result(timeout=30)
    kinds = [dict(span.attributes or {})["error.type"] for span in out.take_spans()]
    assert kinds == ["cancelled"] * 3


def test_all_metrics_of_ours_have_our_prefixes_and_the_docs_list_every_one() -> None:
    """S1-09: docs equal code."""
    ours = [name for name in _semconv.METRICS if not name.startswith("gen_ai.")]
    prefixes = ("toolkit_queue_", "toolkit_engine_", "toolkit_mapping_", "toolkit_cache_", "toolkit_cost_")
    assert [name for name in ours if not name.startswith(prefixes)] == []
    listed = re.findall(r"^\| `([\w.]+)` \| (\w+) \| (\S+) \|", (DOCS / "tracing.md").read_text(), re.MULTILINE)
    assert listed == [(name, metric.form, metric.unit) for name, metric in _semconv.METRICS.items()]


def test_every_gauge_a_layer_offers_is_one_we_export(open_lab: OpenLab) -> None:
    from toolkit.engine.limit import Limit
    from toolkit.models import open_model

    model = open_model("scripted")
    offered = set(Limit(model, model).metrics())
    for gauges in open_lab(model="scripted").engine.gauges:
        offered |= set(gauges.metrics())
    assert offered <= set(_semconv.METRICS)
    assert {name for name, metric in _semconv.METRICS.items() if metric.form in {"gauge", "total"}} <= offered


def test_names_of_metrics_stand_in_one_module_only() -> None:
    """STYLE: one place knows telemetry names."""
    package = Path(_semconv.__file__).parents[1]
    told = re.compile(r"gen_ai\.")
    assert [path.name for path in package.rglob("*.py") if told.search(path.read_text())] == ["_semconv.py"]


def run_python(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run code in a process of its own, without pydantic's plugins: where logfire is installed, its plugin loads it."""
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        cwd=folder,
        env={**os.environ, "PYDANTIC_DISABLE_PLUGINS": "__all__"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_off_never_imports_opentelemetry_and_adds_no_layer(tmp_path: Path) -> None:
    """S2-19"""
    code = """
        import sys, toolkit as tk
        lab = tk.Lab("scripted", study="a")
        tk.generate_personas(3, "us-adults-2012", detail="brief", lab=lab)
        from toolkit.engine.trace import Traced
        layer, names = lab.engine.outermost, []
        while layer is not None:
            names.append(type(layer).__name__)
            layer = getattr(layer, "_inner", None)
        print("opentelemetry" in sys.modules, "Traced" in names)
    """
    done = run_python(code, tmp_path)
    assert (done.stdout, done.stderr) == ("False False\n", "")


def test_on_without_the_package_is_one_warning_and_no_error(tmp_path: Path) -> None:
    """S2-19"""
    code = """
        import sys
        sys.modules["opentelemetry"] = None  # as if it were not installed
        import toolkit as tk
        lab = tk.Lab("scripted", study="a", trace=True)
        print(len(tk.generate_personas(3, "us-adults-2012", detail="brief", lab=lab)))
    """
    done = run_python(code, tmp_path)
    assert done.stdout == "3\n"
    assert done.stderr.count("install dramatis-toolkit[trace]") == 1


def test_on_without_any_exporter_says_nothing(tmp_path: Path) -> None:
    code = """
        import toolkit as tk
        for name in "ab":
            lab = tk.Lab("scripted", study=name)
            print(lab.settings.trace, len(tk.generate_personas(3, "us-adults-2012", detail="brief", lab=lab)))
    """
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(code)],
        cwd=tmp_path,
        env={"TOOLKIT_TRACE": "1", "PATH": ""},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("True 3\nTrue 3\n", "")


# --- without any server ---


def test_ledger_tells_durations_by_stage_and_what_memory_answered(open_lab: OpenLab) -> None:
    """S1-44: no telemetry needed."""
    lab = open_lab(model="scripted", latency=0.03, faults={"refused": 0.3})
    answer(lab, make_calls(30))
    answer(lab, make_calls(30))
    frame = lab.ledger.histogram("questions")
    rows = lab.ledger.frame()
    by_status = rows["status"].value_counts()
    assert {"live": by_status["ok"], "failed": by_status["failed"], "cached": by_status["cached"]} == dict(
        frame[["live", "failed", "cached"]].sum()
    )
    assert (frame["high"][:-1].to_numpy() == frame["low"][1:].to_numpy()).all()
    slow = frame[frame["low"] >= 0.02]
    assert slow["live"].sum() == by_status["ok"]
    assert lab.ledger.histogram("nobody").empty
