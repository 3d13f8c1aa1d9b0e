"""Prints docs/safety-check.md. Takes some minutes."""

from __future__ import annotations

import sys

from protocol.page import page

sys.stdout.write(page())
