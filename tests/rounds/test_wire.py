"""Plays over real HTTP: the wire server's faults cost a try or a turn, never a round."""

import toolkit as tk
from toolkit.rounds import run_rounds
from toolkit.testing import WireServer


def test_play_over_http_with_faults_loses_nothing(tmp_path):
    with WireServer(faults={"server_error": 0.1, "rate_limited": 0.05, "drop": 0.05}) as wire:
        lab = tk.Lab(
            "openai:wire-model", base_url=wire.url, api_key=wire.key, study=tmp_path / "study", seed=7, tries=6
        )
        play = run_rounds("negotiation", rounds=3, world=True, until="They agree.", lab=lab)
        lab.close()
    assert play.errors.empty, play.errors["message"].tolist()
    assert play.report.tries > play.report.calls
    assert play.complete


def test_malformed_replies_cost_turns_not_rounds(tmp_path):
    with WireServer(faults={"malformed": 0.3, "off_schema": 0.3, "empty": 0.1}) as wire:
        lab = tk.Lab(
            "openai:wire-model", base_url=wire.url, api_key=wire.key, study=tmp_path / "study", seed=7, tries=2
        )
        play = run_rounds("negotiation", rounds=3, lab=lab)
        lab.close()
    assert len(play) == 3
    assert set(play.errors["kind"]) <= {"invalid_reply", "provider_down"}
    assert play.complete
