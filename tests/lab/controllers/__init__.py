"""Controllers: containers with a systemd of their own, in which nova-compute and the daemon run as units."""
