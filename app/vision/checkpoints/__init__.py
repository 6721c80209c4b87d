"""Named places of a part, each learned from its own crops, each answering on its own.

`place` cuts a place out of a picture, `checkpoint` is what is kept of one and what stands in a model file, `judging`
says what is wrong with a crop, `naming` names what was labelled; `crops`, `naming_learning` and `learning` train.

The answers, without a single labelled crop:

- "ok": the crop is like the good ones.
- "turned": it is so when turned or mirrored, and good crops are not alike when they are turned (round bolts are).
- "wrong": it is like another checkpoint's good crops, which are told apart from this one's.
- "different": anything else. It may be missing or damaged: what it is, nobody has said.
- "unsure": close to the limit, or not seen.

A labelled crop teaches its state's name: "missing", "damaged", or whatever word stands there.
"""

from app.vision.checkpoints.checkpoint import MOST, Checkpoint, CheckpointDescription, from_parts, to_parts
from app.vision.checkpoints.judging import CheckpointJudge, Found
from app.vision.checkpoints.learning import LearnedCheckpoints, Wanted, check_wanted, learn_checkpoints

__all__ = [
    "MOST",
    "Checkpoint",
    "CheckpointDescription",
    "CheckpointJudge",
    "Found",
    "LearnedCheckpoints",
    "Wanted",
    "check_wanted",
    "from_parts",
    "learn_checkpoints",
    "to_parts",
]
