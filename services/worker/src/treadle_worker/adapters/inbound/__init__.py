"""What calls the worker: probes."""
