"""What ``toolkit bench`` measures: the engine beside the plain client in interleaved pairs, against a baseline."""

from toolkit.bench.baseline import Baseline, Loss, Metric
from toolkit.bench.measure import measure

__all__ = ["Baseline", "Loss", "Metric", "measure"]
