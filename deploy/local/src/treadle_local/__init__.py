"""Treadle on one machine: PostgreSQL, Valkey and the services as processes that end together."""
