"""The photographs of the tests of descriptors."""

from tests.descriptors.conftest import photos, reencoded

__all__ = ["photos", "reencoded"]
