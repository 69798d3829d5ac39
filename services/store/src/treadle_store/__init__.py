"""The store: the one service that reads and writes the state of jobs."""
