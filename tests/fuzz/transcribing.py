"""Words as a transcript has them."""

from __future__ import annotations


def quoted(word: bytes) -> str:
    """The word, in quotes where it needs them."""
    text = word.decode("latin-1")
    if (
        text
        and all(char.isalnum() or char in "{}-+.:*_()[?]^@!~&%<>=/,;|$#" for char in text)
        and text.isascii()
    ):
        return text if text[0] not in "#@" else f'"{text}"'
    escaped = "".join(
        char
        if " " <= char <= "~" and char not in '"\\'
        else f"\\x{ord(char):02x}"
        if char not in '"\\'
        else "\\" + char
        for char in text
    )
    return f'"{escaped}"'
