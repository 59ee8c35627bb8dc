"""`python -m nearsight` is the same as `nearsight`."""

from nearsight.cli.main import main

main()
