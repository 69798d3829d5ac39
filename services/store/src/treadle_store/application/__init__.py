"""What the store does, told without naming a product."""
