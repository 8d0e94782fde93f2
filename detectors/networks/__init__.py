"""What several networks share: the training loop and the building blocks."""
