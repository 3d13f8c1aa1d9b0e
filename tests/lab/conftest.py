"""The running lab, for tests marked `lab`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lab.client import Lab
from lab.errors import LabError

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def running_lab() -> Lab:
    """The lab that `make lab-up` started."""
    try:
        return Lab.attach()
    except LabError as error:
        pytest.fail(f"this test needs the lab: {error}")


@pytest.fixture
def lab(running_lab: Lab) -> Iterator[Lab]:
    """The lab; whatever a test leaves broken is repaired after it."""
    yield running_lab
    running_lab.heal()
