"""What every route may answer."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, JsonValue


def schema_example(**values: JsonValue) -> ConfigDict:
    """The configuration of a schema that shows these values as its example."""
    return ConfigDict(json_schema_extra={"example": values})


class ErrorResponse(BaseModel):
    """An error message and a hint; `reason` is the code of an image that cannot be decoded."""

    model_config = schema_example(error="not found: collection 'scans'", hint="see /api/collections for the list")
    error: str
    hint: str
    reason: str | None = None


class HealthResponse(BaseModel):
    """The status of the service."""

    model_config = schema_example(status="ok", version="0.1.0")
    status: str
    version: str
