"""What the store calls: PostgreSQL and Redis."""
