"""A lane that was told of another configuration than its memory was made for."""

from __future__ import annotations

import sys

import msgspec

from engine import child, lane_spec
from engine.lane_spec import LaneSpec
from tests.engine.lanes.fake import main


def other(document: bytes) -> LaneSpec:
    spec = msgspec.json.decode(document, type=LaneSpec, dec_hook=lane_spec.decode_hook)
    return msgspec.structs.replace(spec, config_hash=spec.config_hash ^ 1)


if __name__ == "__main__":
    lane_spec.decode = other
    child.run_lane(sys.argv, main)
