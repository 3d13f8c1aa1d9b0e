"""What is built: the WSDL is complete in itself, and nothing is built twice."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

import pytest

from lab.paths import Paths
from lab.vcsim import build, wsdl

if TYPE_CHECKING:
    from lab.vcsim.process import VCenter

pytestmark = pytest.mark.lab

_XSD = "{http://www.w3.org/2001/XMLSchema}"
_WSDL = "{http://schemas.xmlsoap.org/wsdl/}"


def test_wsdl_defines_every_type_it_refers_to() -> None:
    """A SOAP client can resolve each type, base and element."""
    root = ET.fromstring(wsdl.generate())  # noqa: S314  # our own document
    schema = root.find(f"{_WSDL}types/{_XSD}schema")
    assert schema is not None
    defined = {f"vim25:{child.get('name')}" for child in schema}
    used = {
        value
        for node in [*schema.iter(), *root.iter(f"{_WSDL}part")]
        for key in ("type", "base", "element")
        if (value := node.get(key, "")).startswith("vim25:")
    }
    assert len(used) > 1000
    assert used - defined == set()


def test_wsdl_has_what_nova_calls_and_nothing_newer_than_the_simulator() -> None:
    """The operations of nova's driver are there; those of later API versions are not."""
    root = ET.fromstring(wsdl.generate())  # noqa: S314  # our own document
    operations = {o.get("name") for o in root.iter(f"{_WSDL}operation")}
    assert operations >= {
        "Login",
        "RetrievePropertiesEx",
        "ContinueRetrievePropertiesEx",
        "SessionIsActive",
        "CreateVM_Task",
        "FindAllByUuid",
        "ExtendVirtualDisk_Task",
        "AcquireGenericServiceTicket",
    }
    assert "ConfigureHCI_Task" not in operations  # came with 6.7.1


def test_second_build_does_nothing(simulator: VCenter) -> None:
    """With the same sources the result is there at once, and is the same file."""
    assert simulator.listens()  # built by the fixture
    cache = Paths.from_environment().cache
    before = (cache / "vcsim" / build.BINARY_NAME).stat()
    binary = build.build(cache / "vcsim", cache / "vcsim-build")
    assert (binary.stat().st_ino, binary.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
