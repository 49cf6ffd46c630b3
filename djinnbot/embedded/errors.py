"""What can go wrong with an embedded server, as a sentence that says what to do."""


class EmbeddedError(Exception):
    """An embedded server cannot start. The message is for the person at the terminal."""
