"""The exceptions for input that the user can fix."""


class InputError(ValueError):
    """Bad input. The message names the file or argument, what was found, and what to do about it."""


class UnreadableClip(InputError):
    """A clip that no feature can be computed of: missing, damaged, or of another rate or number of channels."""
