"""Pages for people, and the scripts that make some of them."""
