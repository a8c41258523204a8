"""A drop-in for blackbox_exporter: its config, its endpoints, its metrics and its quirks."""
