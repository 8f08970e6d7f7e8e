"""What a person sees: the base of every result, reports, the progress line, and one look for all."""

from toolkit.display.progress import ProgressLine, progress_text
from toolkit.display.report import Report, seconds_text
from toolkit.display.result import Result
from toolkit.display.style import figure

__all__ = ["ProgressLine", "Report", "Result", "figure", "progress_text", "seconds_text"]
