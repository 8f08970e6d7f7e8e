import pytest

import toolkit as tk
from toolkit.display.html import LARGEST_REPR
from toolkit.display.result import shortened
from toolkit.errors import InvalidInput


class Loud(tk.Panel):
    """A panel whose title knows no bounds."""

    def _title(self):
        return "é" * LARGEST_REPR


@pytest.fixture
def lab(tmp_path):
    with tk.Lab("scripted", study=tmp_path / "study") as lab:
        yield lab
        lab.close()


def test_plain_text_of_a_result_is_small_too():
    loud = Loud([])
    for text in (repr(loud), loud._repr_mimebundle_()["text/plain"]):
        assert len(text.encode()) <= LARGEST_REPR
        assert text.endswith("…")


def test_short_text_is_left_as_it_is():
    assert shortened("one\ntwo") == "one\ntwo"


def test_slice_of_an_incomplete_panel_is_incomplete(lab):
    whole = tk.generate_personas(6, "us-adults-2012", detail="brief", lab=lab, budget="4 requests")
    assert not whole.complete
    for part in (whole[:2], whole.filter(lambda one: True), whole.sample(2)):
        assert not part.complete
        assert "2 of" in repr(part)
    with pytest.raises(InvalidInput, match="cannot resume"):
        whole[:2].resume()
    assert "resume()" not in repr(whole[:2])
    assert "resume()" in repr(whole)


def test_slice_of_a_complete_panel_is_complete_and_counts_its_own(lab):
    whole = tk.generate_personas(4, "us-adults-2012", detail="brief", lab=lab)
    part = whole[:3]
    assert part.complete
    assert len(part.errors) == 0
    assert "3 ok" in repr(part)
