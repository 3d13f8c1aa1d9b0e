"""Faults the lab can inject and take back."""

from lab.faults.board import FaultBoard

__all__ = ["FaultBoard"]
