"""Set-up and start of Linesight on a fresh machine. Standard library only, Python 3.11 or newer."""
