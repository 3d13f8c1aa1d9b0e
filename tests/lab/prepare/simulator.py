"""The vCenter simulator's binary and WSDL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.vcsim import build as vcsim_build

if TYPE_CHECKING:
    from pathlib import Path

    from lab.paths import Paths
    from lab.steps import Steps


def build(paths: Paths, steps: Steps) -> tuple[Path, Path]:
    """Binary and WSDL, in the cache."""
    out = paths.cache / "vcsim"
    with steps.step("vCenter simulator"):
        binary = vcsim_build.build(out, paths.cache / "vcsim-build")
    return binary, out / "vimService.wsdl"
