"""Names of spans, attributes and metrics: OpenTelemetry's for generative AI, and ours. The one place they stand.

OpenTelemetry's are those of its GenAI semantic conventions (repository ``semantic-conventions-genai``, status
development, read 2026-11); they are written out because the package that holds them marks them as unstable.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["METRICS", "Metric"]

# --- spans ---

OPERATION = "gen_ai.operation.name"
PROVIDER = "gen_ai.provider.name"
REQUEST_MODEL = "gen_ai.request.model"
REQUEST_SEED = "gen_ai.request.seed"
REQUEST_TEMPERATURE = "gen_ai.request.temperature"
REQUEST_TOP_P = "gen_ai.request.top_p"
REQUEST_MAX_TOKENS = "gen_ai.request.max_tokens"
OUTPUT_TYPE = "gen_ai.output.type"
RESPONSE_MODEL = "gen_ai.response.model"
FINISH_REASONS = "gen_ai.response.finish_reasons"
INPUT_TOKENS = "gen_ai.usage.input_tokens"
CACHED_TOKENS = "gen_ai.usage.cache_read.input_tokens"
CACHE_WRITE_TOKENS = "gen_ai.usage.cache_creation.input_tokens"
OUTPUT_TOKENS = "gen_ai.usage.output_tokens"
REASONING_TOKENS = "gen_ai.usage.reasoning.output_tokens"
TOKEN_TYPE = "gen_ai.token.type"  # noqa: S105  # an attribute's name
WORKFLOW = "gen_ai.workflow.name"
ERROR_TYPE = "error.type"

CHAT = "chat"
INVOKE_WORKFLOW = "invoke_workflow"

# Ours, on every span of a call (S1-10).
STAGE = "stage"
MODEL_NAME = "model_name"
SERVICE_ID = "service_id"
REQUEST_ID = "request_id"
TRIES = "tries"
RUN = "run"

# Ours, on metrics of mappings.
MAPPING_SET = "mapping_set"

# --- metrics ---

TOKEN_USAGE = "gen_ai.client.token.usage"  # noqa: S105  # a metric's name
OPERATION_DURATION = "gen_ai.client.operation.duration"
CALL_SECONDS = "toolkit_engine_call_seconds"
INFLIGHT = "toolkit_engine_inflight"
SUBMITTED = "toolkit_engine_submitted"
COMPLETED = "toolkit_engine_completed"
CACHE_HITS = "toolkit_cache_hits"
CACHE_MISSES = "toolkit_cache_misses"
COST = "toolkit_cost_usd"
COST_UNKNOWN = "toolkit_cost_unknown"
MAPPED_FEATURES = "toolkit_mapping_features"
MAPPED = "toolkit_mapping_{}"
"""For each mapping set: ``links``, ``unknown_ids``, ``facet_faults``, ``missing``."""

TOKEN_BUCKETS = tuple(float(4**power) for power in range(14))
"""What the convention asks for: 1 to 67,108,864."""
SECOND_BUCKETS = tuple(0.01 * 2**power for power in range(14))
"""What the convention asks for: 0.01 to 81.92."""

Form = Literal["histogram", "counter", "gauge", "total"]


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric as it is exported."""

    form: Form
    """``histogram`` and ``counter`` are recorded; ``gauge`` and ``total`` (only ever more) are read when asked for."""
    unit: str
    told: str
    buckets: tuple[float, ...] = ()


METRICS: dict[str, Metric] = {
    TOKEN_USAGE: Metric("histogram", "{token}", "Tokens of a live call, input and output apart", TOKEN_BUCKETS),
    OPERATION_DURATION: Metric("histogram", "s", "Provider time of the try that succeeded", SECOND_BUCKETS),
    CALL_SECONDS: Metric("histogram", "s", "From asking to having, waits and retries included", SECOND_BUCKETS),
    INFLIGHT: Metric("gauge", "{call}", "Calls at work now: busy slots, not free ones"),
    SUBMITTED: Metric("total", "{call}", "Calls begun"),
    COMPLETED: Metric("total", "{call}", "Calls ended, failed and cancelled ones included"),
    CACHE_HITS: Metric("counter", "{call}", "Calls that memory answered"),
    CACHE_MISSES: Metric("counter", "{call}", "Calls that a model had to answer, failed ones included"),
    COST: Metric("counter", "USD", "Money spent"),
    COST_UNKNOWN: Metric("counter", "{call}", "Live calls whose price is not known"),
    MAPPED_FEATURES: Metric("counter", "{feature}", "Features of evolutions that are done"),
    MAPPED.format("links"): Metric("counter", "{link}", "Links from features to catalogues that stand"),
    MAPPED.format("unknown_ids"): Metric("counter", "{id}", "Ids in mapping replies that nothing has"),
    MAPPED.format("facet_faults"): Metric("counter", "{facet}", "Facets in mapping replies that do not fit"),
    MAPPED.format("missing"): Metric("counter", "{feature}", "Features that mapping replies left out"),
    "toolkit_queue_inflight": Metric("gauge", "{call}", "Calls that the model has now"),
    "toolkit_queue_inflight_limit": Metric("gauge", "{call}", "Calls that it may have at once, as things stand"),
    "toolkit_queue_waiting": Metric("gauge", "{call}", "Calls that stand in line"),
    "toolkit_queue_waits": Metric("total", "{call}", "Calls that had to stand in line"),
    "toolkit_queue_waited_seconds": Metric("total", "s", "Time they stood there, together"),
    "toolkit_queue_limit_hits": Metric("total", "{answer}", "How often the provider said: too many requests"),
    "toolkit_queue_paused_seconds": Metric("gauge", "s", "How long the provider asked everyone to wait still"),
    "toolkit_queue_debt_tokens": Metric("gauge", "{token}", "Tokens taken beyond what the pace allowed so far"),
    "toolkit_queue_rpm": Metric("gauge", "{request}/min", "Requests a minute that are allowed"),
    "toolkit_queue_tpm": Metric("gauge", "{token}/min", "Tokens a minute that are allowed"),
}
"""Every metric there is (S1-09); ``docs/tracing.md`` lists the same."""
