"""What several networks share: the training loop, windows of frames, and building blocks."""
