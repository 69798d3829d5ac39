"""The worker: claims jobs and has their handlers run in executor processes."""
