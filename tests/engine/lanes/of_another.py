"""A lane of another build, schema, configuration or mode than its root's: which, the environment
says (OTHER)."""

from __future__ import annotations

import os
import sys

import msgspec

from engine import child, lane_spec
from engine.lane_spec import LaneSpec
from tests.engine.lanes.fake import main

OTHER = "TIERCEL_TEST_OTHER"


def other(document: bytes) -> LaneSpec:
    spec = msgspec.json.decode(document, type=LaneSpec, dec_hook=lane_spec.decode_hook)
    field = os.environ.get(OTHER, "config_hash")
    value = "live" if field == "mode" else getattr(spec, field) ^ 1
    return msgspec.structs.replace(spec, **{field: value})


if __name__ == "__main__":
    lane_spec.decode = other
    child.run_lane(sys.argv, main)
