import statistics
import subprocess
import sys
import time

import toolkit

HEAVY = ["openai", "pandas", "matplotlib", "scipy", "ipywidgets", "numpy", "PIL", "joblib", "pydantic", "IPython"]


def _python(code, *flags):
    return subprocess.run([sys.executable, *flags, "-c", code], capture_output=True, text=True, check=True, timeout=60)


def test_import_loads_nothing_heavy_and_prints_nothing():
    """S0-02"""
    done = _python(
        f"import sys, toolkit; bad = [n for n in {HEAVY!r} if n in sys.modules]; assert not bad, bad", "-W", "error"
    )
    assert done.stdout == ""
    assert done.stderr == ""


def test_import_starts_no_thread():
    """S0-02"""
    _python("import threading, toolkit; assert threading.active_count() == 1; assert toolkit.__version__")


def test_public_names_are_sorted_few_and_all_there():
    assert toolkit.__all__ == sorted(toolkit.__all__)
    assert len(toolkit.__all__) == len(set(toolkit.__all__)) <= 40
    for name in toolkit.__all__:
        assert getattr(toolkit, name) is getattr(toolkit, name)
        assert name in dir(toolkit)


def test_every_public_name_can_be_the_first_one_used():
    """S0-02"""
    code = "import toolkit, sys; getattr(toolkit, sys.argv[1])"
    for name in ("Image", "InvalidInput", "Panel", "aio", "estimate", "use"):
        done = subprocess.run(
            [sys.executable, "-c", code, name], capture_output=True, text=True, check=True, timeout=60
        )
        assert done.stdout == done.stderr == ""


def test_unknown_name_is_an_attribute_error():
    assert not hasattr(toolkit, "nonesuch")


def _median_seconds(code):
    taken = []
    for _ in range(7):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def test_import_takes_at_most_three_tenths_of_a_second():
    """S0-02; timed because the number is the promise."""
    assert _median_seconds("import toolkit") - _median_seconds("pass") <= 0.3
