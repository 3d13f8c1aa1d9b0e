"""Taking a nova-compute over that nobody manages, without a restart: shown first, and undone exactly."""
