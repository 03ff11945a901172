"""From the spawn of a process to its first answer."""

from __future__ import annotations

from harness.record import ColdStart
from harness.scenarios._kind import Kind

KIND = Kind("cold_start", ColdStart, in_passes=False)
