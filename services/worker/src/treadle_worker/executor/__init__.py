"""The child process that runs user code: it knows the SDK and its socket, and nothing of queues or stores."""
