"""The process that outlives a worker by a moment: it kills what the worker's code would leave behind."""
