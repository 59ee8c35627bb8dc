"""Schemas of requests and responses, with the examples of OpenAPI."""
