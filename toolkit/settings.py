"""Settings: arguments first, then ``TOOLKIT_*`` variables, ``.env``, ``toolkit.toml``, and defaults last."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from toolkit.errors import InvalidInput
from toolkit.redact import Scrubber, scrub

__all__ = ["Settings", "load_settings"]


class Settings(BaseSettings):
    """What a study uses when its arguments do not say otherwise; every field is also ``TOOLKIT_<NAME>``."""

    model_config = SettingsConfigDict(
        env_prefix="TOOLKIT_",
        env_file=".env",
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        toml_file="toolkit.toml",
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    model: str = "embedded"
    """Who answers: ``embedded``, ``scripted`` or ``openai:<name>``."""
    base_url: str | None = None
    """An OpenAI-compatible endpoint; none means the provider's own."""
    openai_api_key: SecretStr | None = None
    """The key for ``openai:`` models; ``OPENAI_API_KEY`` is used when this is not set."""
    organization: str | None = None
    """The provider's organisation id."""
    retention: Literal["in_memory", "24h", "off"] = "in_memory"
    """How long OpenAI is asked to keep prompt prefixes; ``off`` says nothing. Other providers are not told."""
    study: Path = Path("studies/default")
    """The study's folder."""
    mode: Literal["off", "read", "refresh", "write", "replay"] = "read"
    """How memory is used."""
    seed: int = 0
    """The study's seed."""
    concurrency: int | None = Field(default=None, ge=1, le=4096)
    """Calls in flight at once; none means what suits the model."""
    timeout: float = Field(default=60.0, gt=0)
    """Seconds one try of a call may take."""
    tries: int = Field(default=6, ge=1, le=100)
    """How often a call may be sent when transport fails, the first try included."""
    retry_wait_max: float = Field(default=30.0, gt=0)
    """Longest wait between two tries, in seconds, unless the provider asks for more."""
    limits: dict[str, dict[str, float]] = {}
    """``rpm`` and ``tpm`` by ``provider:model``, as JSON in the environment; a model not listed has no limit."""
    stage_timeouts: dict[str, float] = {}
    """Seconds one try may take, by stage, as JSON in the environment; the longest dotted name decides."""
    fallbacks: tuple[str, ...] = ()
    """Models to ask in order where the first is not to be had."""
    patience: float = Field(default=900.0, ge=0)
    """Seconds of an outage that are waited out where no other model can answer."""
    chaos: float = Field(default=0.0, ge=0, le=1)
    """Share of tries that fail on purpose, for rehearsals."""
    time_scale: float = Field(default=1.0, gt=0, le=1)
    """Seconds of wall time for one second of the engine's own waits, for rehearsals on a faster clock."""
    trace: bool = False
    """Whether spans and metrics go to the OpenTelemetry exporters that the process has set up."""
    budget: str | None = None
    """What a lab may spend while it is open: ``2 USD``, ``50_000 tokens`` or ``100 requests``."""
    price_as: str | dict[str, str] | None = None
    """``provider:model`` whose list price holds, for gateways and deployments with names of their own; or one for each
    model, as JSON in the environment: ``{"openai:bench": "openai:gpt-5-mini"}``."""
    ttl: dict[str, str | float | timedelta] = {}
    """How long replies stay fresh, by stage, as JSON in the environment: ``{"questions": "30 days"}``."""
    memory_limit: str | int | None = None
    """Bytes a study's memory may have in use: ``2 GB``; what was used longest ago leaves."""
    memory_items: int | None = Field(default=None, ge=1)
    """Entries a study's memory may have."""
    transcripts: bool = False
    """Whether prompt and reply of each call are kept, scrubbed, in the study's memory."""
    redaction_patterns: tuple[str, ...] = ()
    """More regular expressions to mask; a JSON list in the environment."""

    @field_validator("redaction_patterns")
    @classmethod
    def _compile(cls, patterns: tuple[str, ...]) -> tuple[str, ...]:
        Scrubber(patterns)
        return patterns

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Let ``toolkit.toml`` come after the environment."""
        return (
            init_settings,
            env_settings,
            dotenv_settings,
            TomlConfigSettingsSource(settings_cls),
            file_secret_settings,
        )

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        """Show every field, what may hold a login or a key scrubbed."""
        for name, value in super().__repr_args__():
            yield name, scrub(value) if isinstance(value, str) else value

    def snapshot(self) -> dict[str, Any]:
        """Return the settings that may stand in a manifest: an allowlist without secrets, addresses and paths."""
        allowed = (
            "model", "fallbacks", "mode", "seed", "concurrency", "timeout", "stage_timeouts", "tries", "retry_wait_max",
            "limits", "patience", "chaos", "retention",
        )  # fmt: skip
        held = {name: getattr(self, name) for name in allowed}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in held.items()}


def load_settings(**given: Any) -> Settings:
    """Return the settings, arguments that are not ``None`` winning over the environment and files.

    Raises:
        InvalidInput: A value cannot be used; one line names every such field and where it may stand.

    Example:
        >>> load_settings(seed=7).seed
        7
    """
    _read_files()
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        faults = "; ".join(_fault(fault) for fault in error.errors())
        raise InvalidInput(
            f"settings cannot be used: {faults}",
            hint="Correct the argument, the TOOLKIT_* variable, .env or toolkit.toml.",
        ) from error
    except ValueError as error:
        raise InvalidInput(
            f"settings cannot be read: {error}", hint="Look at TOOLKIT_* variables, .env and toolkit.toml."
        ) from error


_SECRET = frozenset({"openai_api_key"})
_LONGEST_VALUE = 80


def _fault(fault: ErrorDetails) -> str:
    """Say which field is wrong, why, and what was given unless it is a secret."""
    name = ".".join(str(part) for part in fault["loc"])
    given = "" if fault["loc"][0] in _SECRET else f" (given {scrub(repr(fault['input']))[:_LONGEST_VALUE]})"
    return f"{name}: {fault['msg'].removeprefix('Value error, ').rstrip('.')}{given}"


def _read_files() -> None:
    """Refuse a file that cannot be read as what it is; a line that is skipped in silence is a setting that is lost."""
    for name, check in ((".env", _broken_env), ("toolkit.toml", _broken_toml)):
        path = Path(name)
        if not path.is_file():
            continue
        try:
            fault = check(path.read_text(encoding="utf-8-sig"))
        except (OSError, UnicodeDecodeError) as error:
            fault = getattr(error, "strerror", None) or "it is not UTF-8"
        if fault:
            raise InvalidInput(f"settings cannot be read: {path}: {fault}", hint=f"Correct {path.resolve()}.")


def _broken_env(text: str) -> str:
    from io import StringIO

    from dotenv.parser import parse_stream

    lines = [str(one.original.line) for one in parse_stream(StringIO(text)) if one.error]
    return f"line {', '.join(lines)} is not NAME=value" if lines else ""


def _broken_toml(text: str) -> str:
    try:
        given = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        return str(error)
    return ", ".join(_unknown(name) for name in given if name not in Settings.model_fields)


def _unknown(name: str) -> str:
    near = difflib.get_close_matches(name, Settings.model_fields, n=1, cutoff=0.5)
    meant = f" (did you mean {near[0]!r}?)" if near else ""
    return f"there is no setting {name!r}{meant}"
