"""The loop, the core and its turns, the store thread and the workers."""
