"""The schema's history; `python -m treadle_store migrate` brings a database to its end."""
