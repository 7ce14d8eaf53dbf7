"""Thin adapters to other people's products: the only part that imports them. They do not import each other."""
