"""All that crosses a process boundary: messages and their codec, faults, the Redis hand-off, log lines."""
