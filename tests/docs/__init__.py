"""What the documentation says is executed."""
