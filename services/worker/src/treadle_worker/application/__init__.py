"""What the worker does, told without naming a product."""
