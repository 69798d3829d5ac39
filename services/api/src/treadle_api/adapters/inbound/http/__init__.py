"""The REST face: routes, bodies, problems."""
