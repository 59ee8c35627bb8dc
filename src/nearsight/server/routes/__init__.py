"""The routes: each reads its parameters, calls one function, and returns JSON."""
