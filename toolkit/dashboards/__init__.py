"""Live boards and forms: what a study spends, how fast it goes, and the verbs as forms."""

from toolkit.dashboards.board import Board, dashboard
from toolkit.dashboards.explore import Form, explore
from toolkit.dashboards.web import study_board

__all__ = ["Board", "Form", "dashboard", "explore", "study_board"]
