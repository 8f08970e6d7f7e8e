"""Settings: arguments first, then ``TOOLKIT_*`` variables, ``.env``, ``toolkit.toml``, and defaults last."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from toolkit.errors import InvalidInput
from toolkit.redact import Scrubber

__all__ = ["Settings", "load_settings"]


class Settings(BaseSettings):
    """What a study uses when its arguments do not say otherwise; every field is also ``TOOLKIT_<NAME>``."""

    model_config = SettingsConfigDict(
        env_prefix="TOOLKIT_", env_file=".env", toml_file="toolkit.toml", extra="ignore", frozen=True
    )

    model: str = "embedded"
    """Who answers: ``embedded``, ``scripted`` or ``openai:<name>``."""
    base_url: str | None = None
    """An OpenAI-compatible endpoint; none means the provider's own."""
    openai_api_key: SecretStr | None = None
    """The key for ``openai:`` models; ``OPENAI_API_KEY`` is used when this is not set."""
    organization: str | None = None
    """The provider's organisation id."""
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

    def snapshot(self) -> dict[str, Any]:
        """Return the settings that may stand in a manifest: an allowlist without secrets, addresses and paths."""
        allowed = ("model", "mode", "seed", "concurrency", "timeout", "tries", "retry_wait_max")
        return {name: getattr(self, name) for name in allowed}


def load_settings(**given: Any) -> Settings:
    """Return the settings, arguments that are not ``None`` winning over the environment and files.

    Raises:
        InvalidInput: A value cannot be used; one line names every such field and where it may stand.

    Example:
        >>> load_settings(seed=7).seed
        7
    """
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}" for fault in error.errors()
        )
        raise InvalidInput(
            f"settings cannot be used: {faults}",
            hint="Correct the argument, the TOOLKIT_* variable, .env or toolkit.toml.",
        ) from error
    except ValueError as error:
        raise InvalidInput(
            f"settings cannot be read: {error}", hint="Look at TOOLKIT_* variables, .env and toolkit.toml."
        ) from error
