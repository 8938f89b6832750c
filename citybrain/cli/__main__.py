"""`python -m citybrain.cli`."""

from citybrain.cli import main

main()
