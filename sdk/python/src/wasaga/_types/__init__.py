"""Types: from hints to JSON, back, and to JSON Schema. Deliberately absent: steps and sagas."""

from wasaga._types.codec import Codec, Mismatch, Schema, Unsupported, document
from wasaga._types.own import json_as
from wasaga._types.resolve import Types
from wasaga._types.text import first_paragraph
from wasaga._types.unions import Bounds

__all__ = ["Bounds", "Codec", "Mismatch", "Schema", "Types", "Unsupported", "document", "first_paragraph", "json_as"]
