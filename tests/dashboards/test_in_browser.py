"""The board in a real JupyterLab and in Voila, seen by a real browser; slow, and skipped where there is none."""

import pytest

import toolkit as tk
from toolkit.dashboards.web import serving

jupyterlab = pytest.importorskip("tests.dashboards.jupyterlab", reason="install dramatis-toolkit's group dev")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not jupyterlab.CHROMIUM.exists(), reason="needs the system's Chromium: install it"),
]

OPEN = """import toolkit as tk
from toolkit.dashboards import dashboard
from toolkit.testing import WireServer
wire = WireServer(latency=0.4).__enter__()
lab = tk.use(tk.Lab("openai:wire-model", study="study", base_url=wire.url, api_key=wire.key, concurrency=6))
panel = tk.generate_personas(900, "us-adults-2012", detail="facts")
board = dashboard(lab)
board"""
ASK = 'answers = tk.ask(panel, "Would you buy it?", answer=tk.Choice(["yes", "no"]))'
TELL = 'print("complete:", answers.complete, "left:", len(answers.errors) > 0)\nboard.close()\nlab.close()'


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_board_lives_while_a_cell_runs_and_its_controls_act(tmp_path, dark):
    """S1-20, S2-18: numbers move while the cell blocks; concurrency, pause and stop act then; a picture is saved."""
    with jupyterlab.jupyterlab(tmp_path, [OPEN, ASK, TELL], dark=dark) as lab, jupyterlab.browser() as page:
        lab.run_all(page)
        tiles = page.locator(".dr-tile b")
        tiles.first.wait_for(timeout=90_000)
        jupyterlab.until(lambda: int(tiles.first.inner_text().replace(",", "")) > 5)
        before = int(tiles.first.inner_text().replace(",", ""))
        jupyterlab.until(lambda: int(tiles.first.inner_text().replace(",", "")) > before)

        page.locator(".dr-board input[type=number]").fill("24")
        page.keyboard.press("Enter")
        jupyterlab.until(lambda: tiles.nth(4).inner_text() == "24")
        page.get_by_role("tab", name="Throughput").click()
        page.get_by_text("In flight and waiting").wait_for()
        page.screenshot(path=tmp_path / "board.png")

        page.get_by_role("button", name="Pause").click()
        jupyterlab.until(lambda: tiles.nth(4).inner_text() == "0")
        paused = tiles.first.inner_text()
        page.wait_for_timeout(800)
        assert tiles.first.inner_text() == paused

        page.get_by_role("button", name="Stop").click()
        page.get_by_text("complete: False left: True").wait_for(timeout=90_000)
        page.get_by_text("Board of study").wait_for()  # closed: the picture is in its place
        page.keyboard.press("Control+s")
        jupyterlab.until(lambda: outputs(lab.saved()))
        held = outputs(lab.saved())
        assert "widgets" not in lab.saved()["metadata"]
        assert any("data:image/svg+xml" in one for one in held)
        assert sum(map(len, held)) < 64_000


def outputs(notebook):
    """Return the HTML of all outputs of the first cell."""
    found = [output.get("data", {}).get("text/html", "") for output in notebook["cells"][0]["outputs"]]
    return ["".join(one) for one in found if one]


def test_board_command_shows_a_study_in_voila(open_lab, panel_of):
    """The web board: behind its token, and it asks no server but ours."""
    lab = open_lab()
    tk.ask(panel_of(20), "Tea?", answer=tk.Choice(["yes", "no"]), lab=lab)
    lab.close()
    with serving(lab.study) as served, jupyterlab.browser() as page:
        jupyterlab.until(lambda: served.process.poll() is None and answers(served.port))
        fetched = []
        page.on("response", lambda response: fetched.append(response.url))
        page.goto(served.address)
        tiles = page.locator(".dr-tile b")
        tiles.first.wait_for(timeout=90_000)
        assert tiles.first.inner_text() == "20"
        assert page.locator(".dr-board input[type=number]").count() == 0
        assert {url.split("/")[2].split(":")[0] for url in fetched if url.startswith("http")} == {"127.0.0.1"}


def answers(port):
    """Tell whether somebody listens."""
    import socket

    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) == 0
