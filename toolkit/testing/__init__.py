"""What tests need, users' own too: a real server on loopback that speaks the protocol, and a clock to turn by hand."""

from toolkit.testing._wire_faults import WIRE_FAULTS
from toolkit.testing._wire_process import WireProcess
from toolkit.testing._wire_server import Traffic, WireServer
from toolkit.testing.clock import FakeClock

__all__ = ["WIRE_FAULTS", "FakeClock", "Traffic", "WireProcess", "WireServer"]
