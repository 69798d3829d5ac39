"""Where the worker meets the store, Redis, its executors and probes."""
