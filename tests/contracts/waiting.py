"""Waiting for what must come, however slow the machine is; only what must not come has a short wait."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

# Far more than anything here needs; a test whose part hangs has to end some time.
PATIENCE_S = 30.0


async def until(condition: Callable[[], object]) -> None:
    """Return as soon as the condition is true."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not condition():  # noqa: ASYNC110 - what is waited for sets no event
                await asyncio.sleep(0.01)
    except TimeoutError as error:
        raise AssertionError(f"it did not come to that in {PATIENCE_S:g} s") from error
