"""The routes: each parses, calls one function, returns."""
