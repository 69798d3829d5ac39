"""What the worker calls: the store, Redis, executor processes."""
