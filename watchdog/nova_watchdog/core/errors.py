"""Errors of the core."""

from __future__ import annotations


class RecordError(ValueError):
    """The record is not one that this version can read. The text says why."""
