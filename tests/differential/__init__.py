"""Plays transcripts of command lines on our engine and on a real server and compares the bytes on the wire."""
