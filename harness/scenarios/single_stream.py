"""One request after another."""

from __future__ import annotations

from harness.record import SingleStream
from harness.scenarios._kind import Kind

KIND = Kind("single_stream", SingleStream)
