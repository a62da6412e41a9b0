"""The ``falvideo`` command: parses, calls, prints. Heavy imports live inside the commands."""
