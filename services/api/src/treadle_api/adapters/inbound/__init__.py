"""Who asks the API."""
