"""Write a vim25 WSDL out of pyvmomi's type registry.

oslo.vmware builds its SOAP client (suds) from `/sdk/vimService.wsdl`, which govmomi's simulator does not
serve. The document is "document/literal" in the namespace `urn:vim25`, with every type and operation of that
namespace up to the API version that the simulator tells.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import quoteattr

import pyVmomi
from pyVmomi import VmomiSupport

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

NAMESPACE = "urn:vim25"
API_VERSION = "6.5"
"""What the simulated vCenter says it is: its WSDL has nothing that came later."""

_registry: Any = VmomiSupport  # has no types of its own
_XSD = "http://www.w3.org/2001/XMLSchema"
_WSDL_SOAP = "http://schemas.xmlsoap.org/wsdl/soap/"
_NAMESPACES = f'targetNamespace="{NAMESPACE}" xmlns:vim25="{NAMESPACE}" xmlns:xsd="{_XSD}"'
_PREFIXES = {_XSD: "xsd", NAMESPACE: "vim25"}

# Types that the wire has and that no entry of the registry describes the way the wire has them.
_REFERENCE = (
    '<complexType name="ManagedObjectReference"><simpleContent><extension base="xsd:string">'
    '<attribute name="type" type="xsd:string"/></extension></simpleContent></complexType>'
)
_LOCALIZED_FAULT = (
    '<complexType name="LocalizedMethodFault"><complexContent><extension base="vim25:DynamicData"><sequence>'
    '<element name="fault" type="vim25:MethodFault"/>'
    '<element name="localizedMessage" type="xsd:string" minOccurs="0"/>'
    "</sequence></extension></complexContent></complexType>"
)
_KNOWN_VERSIONS = _registry.GetVersionParents(_registry.versionMap[f"vim25/{API_VERSION}"])
_HAND_WRITTEN = {"ManagedObjectReference", "LocalizedMethodFault"}
_SIMPLE_TYPES = (
    "string",
    "boolean",
    "int",
    "long",
    "short",
    "byte",
    "float",
    "double",
    "anyType",
    "anyURI",
    "base64Binary",
    "dateTime",
)


def generate() -> str:
    """The WSDL document, about 2.5 MB."""
    data = _types(_registry.ListDataTypes())
    enums = _types(_registry.ListEnumTypes())
    operations = _operations(_types(_registry.ListManagedTypes()))
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<definitions {_NAMESPACES} xmlns="http://schemas.xmlsoap.org/wsdl/" xmlns:soap="{_WSDL_SOAP}">',
        f'<types><schema {_NAMESPACES} xmlns="{_XSD}" elementFormDefault="qualified">',
        _REFERENCE,
        _LOCALIZED_FAULT,
        *map(_complex_type, data),
        *map(_enumeration, enums),
        *_arrays(sorted(_HAND_WRITTEN) + [kind._wsdlName for kind in data + enums]),
        *_fault_elements(data),
        '<element name="versionURI" type="xsd:string"/>',
        *(line for operation in operations for line in _operation_elements(operation)),
        "</schema></types>",
        *_bindings([operation.wsdlName for operation in operations]),
        "</definitions>",
    ]
    return "\n".join(lines) + "\n"


def _types(names: Iterable[str]) -> list[Any]:
    """The registry's types of vim25 up to the API version, each once, in a stable order."""
    found: dict[str, Any] = {}
    for name in sorted(names):
        kind = _registry.GetVmodlType(name)
        namespace, wsdl_name = _registry.GetQualifiedWsdlName(kind)
        if wsdl_name in _HAND_WRITTEN or kind is _registry.DataObject:
            continue
        if namespace == NAMESPACE and kind._version in _KNOWN_VERSIONS:
            found.setdefault(wsdl_name, kind)
    return list(found.values())


def _operations(managed: Iterable[Any]) -> list[Any]:
    """Every method of the managed types; one that several types have is one operation."""
    found: dict[str, Any] = {}
    for kind in managed:
        for method in kind._methodInfo.values():
            if method.version in _KNOWN_VERSIONS:
                found.setdefault(method.wsdlName, method)
    return list(found.values())


def _wire_type(kind: type) -> str:
    """The qualified name under which values of a pyvmomi type are sent."""
    if issubclass(kind, _registry.ManagedObject):
        return "vim25:ManagedObjectReference"
    if kind is _registry.GetVmodlType("vmodl.MethodFault"):
        return "vim25:LocalizedMethodFault"
    if kind in (object, _registry.DataObject):
        return "xsd:anyType"
    if kind in (type, _registry.PropertyPath, _registry.ManagedMethod):
        return "xsd:string"  # names of types, properties and methods
    namespace, name = _registry.GetQualifiedWsdlName(kind)
    # types of other services (storage policies and the like) are outside this document
    return f"{_PREFIXES[namespace]}:{name}" if namespace in _PREFIXES else "xsd:anyType"


def _element(name: str, kind: type, flags: int) -> str:
    is_array = issubclass(kind, list)
    occurs = ' minOccurs="0"' if is_array or flags & _registry.F_OPTIONAL else ""
    if is_array:
        occurs += ' maxOccurs="unbounded"'
        kind = kind.Item  # type: ignore[attr-defined]  # pyvmomi's array types carry their item's type
    wire = "xsd:string" if flags & _registry.F_LINK else _wire_type(kind)
    return f'<element name={quoteattr(name)} type="{wire}"{occurs}/>'


def _properties(kind: Any) -> str:
    # MethodFault.msg exists in pyvmomi only: it is the localized message, which is sent elsewhere
    return _elements(p for p in kind._propList if not (kind._wsdlName == "MethodFault" and p.name == "msg"))


def _elements(members: Iterable[Any]) -> str:
    """Properties or parameters up to the API version."""
    return "".join(_element(m.name, m.type, m.flags) for m in members if m.version in _KNOWN_VERSIONS)


def _complex_type(kind: Any) -> str:
    body = f"<sequence>{_properties(kind)}</sequence>"
    base = kind.__bases__[0]
    if base is not _registry.DataObject and base is not object:
        body = f'<complexContent><extension base="vim25:{base._wsdlName}">{body}</extension></complexContent>'
    return f'<complexType name="{kind._wsdlName}">{body}</complexType>'


def _enumeration(kind: Any) -> str:
    values = "".join(f"<enumeration value={quoteattr(str(value))}/>" for value in kind.values)
    restriction = f'<restriction base="xsd:string">{values}</restriction>'
    return f'<simpleType name="{kind._wsdlName}">{restriction}</simpleType>'


def _arrays(wsdl_names: Iterable[str]) -> Iterator[str]:
    """`ArrayOfX` for every type: what the property collector wraps arrays in."""
    items = [(name, f"xsd:{name}") for name in _SIMPLE_TYPES]
    items += [(name, f"vim25:{name}") for name in wsdl_names]
    for name, wire in items:
        yield (
            f'<complexType name="ArrayOf{name[0].upper()}{name[1:]}"><sequence><element name="{name}"'
            f' type="{wire}" minOccurs="0" maxOccurs="unbounded"/></sequence></complexType>'
        )


def _fault_elements(data: Iterable[Any]) -> Iterator[str]:
    fault = _registry.GetVmodlType("vmodl.MethodFault")
    for kind in data:
        if issubclass(kind, fault):
            yield f'<element name="{kind._wsdlName}Fault" type="vim25:{kind._wsdlName}"/>'


def _operation_elements(operation: Any) -> Iterator[str]:
    name = operation.wsdlName
    params = _elements(operation.params)
    result = (
        ""
        if operation.result is type(None)
        else _element("returnval", operation.result, operation.resultFlags)
    )
    yield (
        f'<complexType name="{name}RequestType"><sequence>'
        f'<element name="_this" type="vim25:ManagedObjectReference"/>{params}</sequence></complexType>'
    )
    yield f'<element name="{name}" type="vim25:{name}RequestType"/>'
    yield (
        f'<element name="{name}Response"><complexType><sequence>{result}</sequence></complexType></element>'
    )


def _bindings(names: list[str]) -> Iterator[str]:
    """Messages, port type, binding and service; clients replace the service's address with their own."""
    for name in names:
        for message, element in ((f"{name}RequestMsg", name), (f"{name}ResponseMsg", f"{name}Response")):
            yield f'<message name="{message}"><part name="parameters" element="vim25:{element}"/></message>'
    yield '<portType name="VimPortType">'
    for name in names:
        yield (
            f'<operation name="{name}"><input message="vim25:{name}RequestMsg"/>'
            f'<output message="vim25:{name}ResponseMsg"/></operation>'
        )
    yield '</portType><binding name="VimBinding" type="vim25:VimPortType">'
    yield '<soap:binding style="document" transport="http://schemas.xmlsoap.org/soap/http"/>'
    for name in names:
        yield (
            f'<operation name="{name}"><soap:operation soapAction="urn:vim25/6.5" style="document"/>'
            '<input><soap:body use="literal"/></input><output><soap:body use="literal"/></output></operation>'
        )
    yield (
        '</binding><service name="VimService"><port binding="vim25:VimBinding" name="VimPort">'
        '<soap:address location="https://localhost/sdk/vimService"/></port></service>'
    )


def main() -> None:
    """Write the document to the path given as the only argument."""
    Path(sys.argv[1]).write_text(generate(), encoding="utf-8")
    print(f"{sys.argv[1]}: vim25 as pyvmomi {pyVmomi.version_info_str} knows it")


if __name__ == "__main__":
    main()
