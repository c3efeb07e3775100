"""The recorder: a small process of its own, what it writes, and how the program speaks with it."""
