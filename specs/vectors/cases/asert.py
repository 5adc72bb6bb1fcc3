"""asert.json: 03 with the parameters of the main chain."""

import model as m

from .common import number

ANCHORS = [(1_767_225_600, 0x1E00FFFF), (1_767_225_600, 0x1D00FFFF), (0, 0x1B123456), (2**40, 0x03123456), (60, 0x01010000)]
HEIGHTS = [0, 1, 10_079, 525_600]
# Seconds that the parent is late, or early when negative.
LATE = [0, 1, -1, 60, -60, 14_399, 14_400, -14_400, 7_200, -7_201, 144_000, -144_000, -1_000_000, 1_000_000, -3_700_000]
FAR = [(0, 0), (0, 2**32), (0, 2**63), (0, 2**64 - 1), (2**32, 0), (2**53 + 1, 2**53 + 1), (2**63, 2**64 - 1)]
FAR += [(2**63, 0), (2**64 - 1, 0), (2**64 - 1, 2**64 - 1), (2**58, 2**58 * 60)]
RANDOM = 34  # for each anchor, heights within eight years and up to three days off


def inputs(genesis_time):
    """(parent height, parent time), 60 of them, times held in 64 bits."""
    pairs = [(HEIGHTS[i % 4], genesis_time + 60 * HEIGHTS[i % 4] + late) for i, late in enumerate(LATE)] + FAR
    for i in range(RANDOM):
        height, late = number(f"height {genesis_time}", i, 22), number("late", i, 19) - 2**18
        pairs.append((height, genesis_time + 60 * height + late))
    return [(height, min(max(time, 0), 2**64 - 1)) for height, time in pairs]


def run(consensus, genesis_time, genesis_target):
    rows = []
    for height, time in inputs(genesis_time):
        target = m.next_target(consensus, genesis_time, genesis_target, height, time)
        rows.append({"parent_height": height, "parent_time": time, "target": f"{target:08x}"})
    return rows


def vectors():
    main, dev = m.chain_file("main")["consensus"], m.chain_file("dev")["consensus"]
    limits = {name: f"{consensus['target_limit']:08x}" for name, consensus in (("main", main), ("dev", dev))}
    return {
        "block_time": main["block_time"],
        "half_life": main["half_life"],
        "target_limit": limits["main"],
        "cases": [
            {"genesis_time": time, "genesis_target": f"{target:08x}", **row}
            for time, target in ANCHORS
            for row in run(main, time, target)
        ],
        "without_retarget": {
            "target_limit": limits["dev"],
            "cases": run(dev, 1_767_225_600, dev["target_limit"])[::10],
        },
    }
