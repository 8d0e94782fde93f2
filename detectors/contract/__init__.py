"""What a detector is: the contract, the registry, variants as text, the checks and their sounds, the code version."""
