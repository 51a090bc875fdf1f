"""What runs between feeds and venues, speaking in records only."""
