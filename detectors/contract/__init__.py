"""The contract of a detector: its methods and fields, the registry, variants as text, checks, the code version."""
