"""Fixturing: where the part lies in a picture, against a golden part.

Edges with their directions, at three sizes: `edges` turns a picture into fields of brightness slopes
and the golden part into edge points, `search` finds a part in any pose, `fit` lays it down exactly and says how well
it agrees, `symmetry` tells turns apart that look nearly the same, `golden` puts them together, `learning` decides
from good parts whether that can be relied on.

What a trainer does with the answer of `learn`:

- None: the pictures do not show one part that could be found again (a surface, parts that differ too much, several
  that lie about). Pictures are judged as they are, wherever something lies.
- `golden.spread.fixtured`: parts lie still, and places may be compared without aligning. Registering costs a few
  milliseconds all the same and tells when a part is not where it belongs.
- otherwise parts move: only pictures that went through `Golden.warp` may be compared place by place.
- `golden.round`: the angle means nothing (a disc, a biscuit). Such a part is shifted and scaled, never turned.

A part that looks the same in some turns (a square plate) is turned the shortest way of these.

Everywhere: OpenCV's pixel coordinates, x right and y down, (0, 0) the **middle** of the first pixel.
"""

from app.vision.alignment.golden import Golden
from app.vision.alignment.learning import learn, of_one
from app.vision.alignment.results import EXACT, GoldenDescription, Registration, Spread, Tolerance

__all__ = ["EXACT", "Golden", "GoldenDescription", "Registration", "Spread", "Tolerance", "learn", "of_one"]
