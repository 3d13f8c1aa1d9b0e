"""Configuration files in the syntax of oslo.config."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab import accounts
from lab.parts import endpoints

if TYPE_CHECKING:
    from collections.abc import Mapping

Sections = dict[str, dict[str, str]]


def render(sections: Mapping[str, Mapping[str, str]]) -> str:
    """The text of an INI file."""
    blocks = (
        f"[{name}]\n" + "".join(f"{key} = {value}\n" for key, value in options.items())
        for name, options in sections.items()
    )
    return "\n".join(blocks)


def service_account() -> dict[str, str]:
    """Options with which a service of the cloud logs in to Keystone (keystoneauth's password plugin)."""
    return {
        "auth_url": endpoints.KEYSTONE,
        "auth_type": "password",
        "username": accounts.NOVA_USER,
        "password": accounts.NOVA_PASSWORD,
        "project_name": "service",
        "user_domain_id": "default",
        "project_domain_id": "default",
        "region_name": "RegionOne",
    }
