"""What all methods have in common."""

from __future__ import annotations

from typing import ClassVar


class Method:
    """What a recipe can name. Subclasses are frozen dataclasses in a file of the method's own name.

    `version` rises when the output changes, so that rows of different versions never mix.
    """

    version: ClassVar[int] = 1
