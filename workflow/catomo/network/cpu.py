"""What the CPU computes in, told without TensorFlow: estimates of time need it, too."""

from __future__ import annotations

from pathlib import Path


def has_bfloat16() -> bool:
    """Return whether the CPU has instructions for bfloat16 that TensorFlow uses."""
    try:
        return "avx512_bf16" in Path("/proc/cpuinfo").read_text()
    except OSError:
        return False
