"""`export`: a model as ONNX, for use elsewhere."""

from __future__ import annotations

from app.cli.models import load_model
from app.cli.output import Output
from app.cli.parser import Arguments
from app.vision import artefact
from app.vision.export_onnx import export


def command(options: Arguments, output: Output) -> int:
    detector = load_model(options)
    data = export(detector.model, options.frame)
    artefact.write(options.out, data)
    width, height = options.frame
    output.result(
        {"model": str(detector.ref), "onnx": str(options.out), "picture": [width, height], "bytes": len(data)},
        f"{options.out}: ONNX for pictures of {width} x {height}; how to prepare them stands in its metadata.",
    )
    return 0
