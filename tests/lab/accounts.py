"""Accounts of the throw-away lab. Secrets are found nowhere else: tests search output for them."""

NOVA_USER = "nova"
NOVA_PASSWORD = "lab-secret-nova-service"
ADMIN_USER = "admin"
ADMIN_PASSWORD = "lab-secret-cloud-admin"
RABBITMQ_USER = "nova"
RABBITMQ_PASSWORD = "lab-secret-message-bus"
VCENTER_USER = "nova@vsphere.local"
VCENTER_PASSWORD = "lab-secret-vcenter"
ETCD_USER = "nova-watchdog"
ETCD_PASSWORD = "lab-secret-shared-store"
ETCD_ROOT_PASSWORD = "lab-secret-root-of-store"
PAGERDUTY_ROUTING_KEY = "lab-secret-pagerduty-routing-key"

SECRETS = (
    *(NOVA_PASSWORD, ADMIN_PASSWORD, RABBITMQ_PASSWORD, VCENTER_PASSWORD),
    *(ETCD_PASSWORD, ETCD_ROOT_PASSWORD, PAGERDUTY_ROUTING_KEY),
)
"""What must never appear in any output of the daemon."""
