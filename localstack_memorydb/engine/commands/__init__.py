"""The command families, one file each, named as the groups of the command reference."""
