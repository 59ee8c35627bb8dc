"""What of the documentation is made when it is built: a page for each method, the commands, the figures."""
