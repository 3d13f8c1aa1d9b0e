"""nova's options that the daemon reads, with nova's names, types and defaults.

Source: nova 34.0.0 (2026.2), nova/conf/netconf.py, paths.py, compute.py, vmware.py; transport_url is
oslo.messaging's (oslo_messaging/transport.py), as are control_exchange, whose default nova sets
(nova/rpc.py), and the group oslo_messaging_rabbit (oslo_messaging/_drivers/impl_rabbit.py), 18.3; the
deprecated names are those of 14.0 (2023.1).
"""

from __future__ import annotations

import socket
from collections.abc import Sequence

from oslo_config import cfg

# The rest of nova's [vmware] options (nova/conf/vmware.py). A `$name` in [vmware] means the section's own
# option first and the one of [DEFAULT] otherwise, so these names have to be told from strangers.
OTHER_VMWARE_NAMES = frozenset(
    {
        "cache_prefix",
        "connection_pool_size",
        "console_delay_seconds",
        "integration_bridge",
        "maximum_objects",
        "pbm_default_policy",
        "pbm_enabled",
        "pbm_wsdl_location",
        "serial_log_dir",
        "serial_port_proxy_uri",
        "serial_port_service_uri",
        "task_poll_interval",
        "use_linked_clone",
        "vnc_keymap",
        "vnc_port",
        "vnc_port_total",
    }
)


def default_options() -> Sequence[cfg.Opt]:
    """Options of `[DEFAULT]`."""
    return (
        cfg.HostDomainOpt("host", default=socket.gethostname()),
        cfg.StrOpt("my_ip", default=my_ipv4()),
        cfg.StrOpt("compute_driver"),
        # Its default is a reference, as in nova: where nova is installed is not known here.
        cfg.StrOpt("state_path", default="$pybasedir"),
        cfg.StrOpt("transport_url", default="rabbit://", secret=True),
        cfg.StrOpt("control_exchange", default="nova"),
    )


def rabbit_options() -> Sequence[cfg.Opt]:
    """Options of `[oslo_messaging_rabbit]`: what it takes to log in."""
    return (
        cfg.BoolOpt("ssl", default=False, deprecated_name="rabbit_use_ssl"),
        cfg.StrOpt("ssl_ca_file", default="", deprecated_name="kombu_ssl_ca_certs"),
        cfg.StrOpt("ssl_cert_file", default="", deprecated_name="kombu_ssl_certfile"),
        cfg.StrOpt("ssl_key_file", default="", deprecated_name="kombu_ssl_keyfile"),
        # oslo.messaging checks the host's name since 2025 only: whoever wants it says so.
        cfg.BoolOpt("ssl_enforce_hostname_verification", default=False),
        cfg.StrOpt("rabbit_login_method", default="AMQPLAIN"),
    )


def vmware_options() -> Sequence[cfg.Opt]:
    """Options of `[vmware]`."""
    return (
        cfg.HostAddressOpt("host_ip"),
        cfg.PortOpt("host_port", default=443),
        cfg.StrOpt("host_username"),
        cfg.StrOpt("host_password", secret=True),
        cfg.StrOpt("ca_file"),
        cfg.BoolOpt("insecure", default=False),
        cfg.StrOpt("cluster_name"),
        cfg.StrOpt("datastore_regex"),
        cfg.StrOpt("cache_prefix"),
        cfg.IntOpt("api_retry_count", min=0, default=10),
    )


def my_ipv4() -> str:
    """The address this machine would send from, as nova's default of `my_ip` (oslo.utils' get_my_ipv4).

    Nothing is sent: connecting a datagram socket only asks the kernel's routing table. 192.0.2.0 is
    a documentation address (RFC 5737).
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.0", 80))
            return str(probe.getsockname()[0])
        except OSError:
            return "127.0.0.1"
