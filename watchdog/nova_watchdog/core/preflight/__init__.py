"""What a controller must show before it may take a pairing over, as checks with their remedies."""
