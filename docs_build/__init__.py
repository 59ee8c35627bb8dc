"""What of the documentation is made when it is built: pages of methods, commands and a search's way, the figures.

`structure` goes into no page: it holds the source to the limits of its own structure.
"""
