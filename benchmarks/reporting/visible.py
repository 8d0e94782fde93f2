"""Texts of strangers in a line: what would move the cursor, break the line or turn the text around is written out."""


def visible(text: str) -> str:
    r"""Return a text in one line, with every character that does not print as its Python escape.

    >>> visible("caf\u00e9 \x1b[31m\n")
    'café \\x1b[31m\\n'
    """
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)
