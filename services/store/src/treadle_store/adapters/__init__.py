"""Where the store meets gRPC, PostgreSQL, Redis and time."""
