"""The exception for input that the user can fix."""


class InputError(ValueError):
    """Bad input. The message names the file or argument, what was found, and what to do about it."""
