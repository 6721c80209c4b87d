"""`scale`: how large a pixel is where the parts lie."""

from __future__ import annotations

from app.cli.output import Output
from app.cli.parser import Arguments
from app.pictures import read_picture
from app.vision.scale import from_chessboard, from_known_length


def command(options: Arguments, output: Output) -> int:
    picture = read_picture(options.picture)
    if options.square is not None:
        found = from_chessboard(picture, options.square)
    else:
        assert options.start is not None and options.end is not None and options.length is not None  # `parse` saw to it
        found = from_known_length(options.start, options.end, options.length)
    output.result(
        {
            "mm_per_pixel": found.mm_per_pixel,
            "spread": found.spread,
            "how": found.how,
            "place": list(found.place),
        },
        f"{found.mm_per_pixel:.6g} mm per pixel, from {found.how}. Train with --mm-per-pixel {found.mm_per_pixel:.6g}.",
    )
    return 0
