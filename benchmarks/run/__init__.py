"""One run: the plan, the protocols, the runner, and the store that its results go to."""
