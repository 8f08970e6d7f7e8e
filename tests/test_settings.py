import json

import pytest
from pydantic import ValidationError

from toolkit.errors import InvalidInput
from toolkit.settings import Settings, load_settings

KEY = "sk-proj-abcdefghijklmnop1234"


@pytest.fixture(autouse=True)
def _bare_folder(tmp_path, monkeypatch):
    """Work in an empty folder, without the variables of whoever runs the tests."""
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(f"TOOLKIT_{name.upper()}", raising=False)


def test_argument_wins_over_environment_over_env_file_over_toml_over_default(tmp_path, monkeypatch):
    """S1-43"""
    assert load_settings().seed == 0
    (tmp_path / "toolkit.toml").write_text("seed = 1\n")
    assert load_settings().seed == 1
    (tmp_path / ".env").write_text("TOOLKIT_SEED=2\n")
    assert load_settings().seed == 2
    monkeypatch.setenv("TOOLKIT_SEED", "3")
    assert load_settings().seed == 3
    assert load_settings(seed=4).seed == 4
    assert load_settings(seed=None).seed == 3


def test_sources_are_mixed_field_by_field(tmp_path, monkeypatch):
    (tmp_path / "toolkit.toml").write_text('model = "scripted"\ntries = 3\n')
    (tmp_path / ".env").write_text("# a comment\nexport TOOLKIT_TRIES='4'\nOTHER_TOOL=1\n")
    monkeypatch.setenv("TOOLKIT_TIMEOUT", "5")
    settings = load_settings(seed=9)
    assert (settings.model, settings.tries, settings.timeout, settings.seed) == ("scripted", 4, 5.0, 9)


def test_empty_variable_counts_as_not_set(monkeypatch):
    monkeypatch.setenv("TOOLKIT_MODEL", "")
    monkeypatch.setenv("TOOLKIT_CONCURRENCY", "")
    assert load_settings().model == "embedded"
    assert load_settings().concurrency is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("seed", "seven"),
        ("mode", "sometimes"),
        ("timeout", "0"),
        ("timeout", "nan"),
        ("concurrency", "0"),
        ("tries", "1000"),
        ("retry_wait_max", "-1"),
        ("redaction_patterns", '["fine", "("]'),
        ("redaction_patterns", "not a list"),
    ],
)
def test_bad_value_is_one_line_that_names_the_field(name, value, monkeypatch):
    """S1-43"""
    monkeypatch.setenv(f"TOOLKIT_{name.upper()}", value)
    with pytest.raises(InvalidInput) as caught:
        load_settings()
    text = str(caught.value)
    assert name in text
    assert "\n" not in text
    assert ".env" in text
    assert caught.value.hint


def test_bad_value_itself_is_shown():
    with pytest.raises(InvalidInput, match=r"timeout: .*greater than 0 \(given -1\)"):
        load_settings(timeout=-1)


def test_every_bad_field_is_named_at_once():
    with pytest.raises(InvalidInput, match=r"timeout: .*; tries: "):
        load_settings(timeout=-1, tries=0)


def test_pattern_that_does_not_compile_is_named(monkeypatch):
    """S1-23"""
    monkeypatch.setenv("TOOLKIT_REDACTION_PATTERNS", '["P-[0-9]+"]')
    assert load_settings().redaction_patterns == ("P-[0-9]+",)
    monkeypatch.setenv("TOOLKIT_REDACTION_PATTERNS", '["("]')
    with pytest.raises(InvalidInput, match=r"redaction_patterns: the redaction pattern '\('"):
        load_settings()


def test_broken_toml_is_named_with_its_place(tmp_path):
    (tmp_path / "toolkit.toml").write_text("seed = 1\nmodel = scripted\n")
    with pytest.raises(InvalidInput, match=r"toolkit.toml: .*line 2") as caught:
        load_settings()
    assert "\n" not in str(caught.value)


def test_broken_env_file_is_named_with_its_line_and_not_its_content(tmp_path):
    (tmp_path / ".env").write_text(f"TOOLKIT_SEED=1\nTOOLKIT_OPENAI_API_KEY '{KEY}\n")
    with pytest.raises(InvalidInput, match=r"\.env: line 2 is not NAME=value") as caught:
        load_settings()
    assert "abcdefghijklmnop" not in str(caught.value)


@pytest.mark.parametrize("name", [".env", "toolkit.toml"])
def test_file_that_is_not_text_is_named(name, tmp_path):
    (tmp_path / name).write_bytes(b"\xff\xfe\x00T=\x80")
    with pytest.raises(InvalidInput, match=f"{name}: it is not UTF-8"):
        load_settings()


def test_secret_stands_in_no_repr_no_snapshot_and_no_error(tmp_path, monkeypatch):
    """S1-21"""
    settings = load_settings(openai_api_key=KEY, base_url="https://ada:hunter22@example.org/v1")
    shown = f"{settings!r} {settings} {settings.snapshot()} {settings.model_dump_json()!s:.0}"
    assert KEY not in shown
    assert "hunter22" not in shown
    assert settings.openai_api_key.get_secret_value() == KEY
    (tmp_path / "toolkit.toml").write_text("openai_api_key = 123456789123\n")
    with pytest.raises(InvalidInput, match="openai_api_key") as caught:
        load_settings()
    assert "123456789123" not in f"{caught.value} {caught.value.__cause__}"


def test_snapshot_is_an_allowlist_without_addresses_and_paths():
    """S1-21"""
    snapshot = load_settings(openai_api_key=KEY, base_url="https://example.org/v1", study="private/ada").snapshot()
    assert {"model", "mode", "seed", "timeout", "tries"} <= set(snapshot)
    assert not {"openai_api_key", "base_url", "study", "organization", "redaction_patterns"} & set(snapshot)
    assert json.loads(json.dumps(snapshot)) == snapshot


def test_settings_do_not_change():
    with pytest.raises(ValidationError, match="frozen"):
        load_settings().seed = 5


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("tryes = 3\n", r"there is no setting 'tryes' \(did you mean 'tries'\?\)"),
        ('retension = "24h"\nseed = 3\n', r"there is no setting 'retension' \(did you mean 'retention'\?\)"),
        ('[limit."openai:m"]\nrpm = 3\n', r"there is no setting 'limit' \(did you mean 'limits'\?\)"),
        ("qqqq = 1\nzzzz = 2\n", r"there is no setting 'qqqq', there is no setting 'zzzz'\."),
    ],
)
def test_misspelt_key_of_the_file_is_one_line_that_names_the_nearest(tmp_path, text, said):
    """S1-43"""
    (tmp_path / "toolkit.toml").write_text(text)
    with pytest.raises(InvalidInput, match=said) as caught:
        load_settings()
    assert "toolkit.toml: " in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("given", "held"),
    [
        ("openai:gpt-5-mini", "openai:gpt-5-mini"),
        ('{"openai:bench": "openai:gpt-5-mini"}', {"openai:bench": "openai:gpt-5-mini"}),
    ],
)
def test_price_as_is_a_name_or_one_for_each_model(given, held, monkeypatch):
    monkeypatch.setenv("TOOLKIT_PRICE_AS", given)
    assert load_settings().price_as == held


def test_retention_is_one_of_three_words(monkeypatch):
    """S0-03"""
    assert load_settings().retention == "in_memory"
    monkeypatch.setenv("TOOLKIT_RETENTION", "24h")
    assert load_settings().retention == "24h"
    with pytest.raises(InvalidInput, match=r"retention: .*'in_memory', '24h' or 'off' \(given 'forever'\)"):
        load_settings(retention="forever")


@pytest.mark.parametrize("scale", [0, -1, 2, "fast"])
def test_time_scale_makes_waits_shorter_only(scale):
    with pytest.raises(InvalidInput, match="time_scale"):
        load_settings(time_scale=scale)
