"""Linesight beside anomalib's PatchCore: time per picture and image AUROC, in one run on one machine.

    ../peers-env/bin/python tests/bench/peers/compare.py [--quick] [--json]

README.md beside this file says how the environment is made, what is compared and what is not. Never part of CI, and
the product imports nothing of it.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

# Before anything that would ask: no weights are needed, and `import openvino` shall report to nobody.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TQDM_DISABLE"] = "1"  # anomalib draws a bar for each selection
sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]

import anomalib_side  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402
from folds import folds  # noqa: E402
from linesight_client import ROOT, Linesight, product_python  # noqa: E402
from lite0 import Lite0, check  # noqa: E402
from sklearn.metrics import roc_auc_score  # noqa: E402

THREADS = 2

TAPS = (4, 10)
"""Blocks of EfficientNet-Lite0: the last ones of strides 8 and 16, as PatchCore takes them of a ResNet."""

SETS = {"aliens": "aliens", "cookies": "cookies/template.manifest", "magnetic-tile": "magnetic-tile"}

_BURST = 4
"""Runs of one party before the next has its turn. The first of them fills the caches again and is not counted."""

Result = dict[str, Any]


def main() -> None:
    """Measures what the command line asks for and prints it."""
    arguments = _arguments()
    torch.set_num_threads(THREADS)
    results: Result = {}
    with Linesight(arguments.linesight_python) as product:
        results["versions"] = _versions(product)
        network = _shared_backbone(product)
        if arguments.only != "accuracy":
            results["time"] = _times(product, network, rounds=15 if arguments.quick else 60)
        if arguments.only != "time":
            count = 2 if arguments.quick else 5
            results["accuracy"] = _accuracies(product, network, arguments.data, arguments.sets, count)
    print(json.dumps(results, indent=2) if arguments.json else _table(results))


def _times(product: Linesight, network: Lite0, rounds: int) -> Result:
    """Milliseconds a picture of Linesight and of three PatchCores, by turns, so that a busy machine slows all."""
    _say("Linesight learns the demo line")
    config = product.ask("learn_demo", threads=THREADS)["config"]
    peers = {}
    for name, backbone, layers in (
        ("PatchCore EfficientNet-Lite0", network, [f"blocks.{tap}" for tap in TAPS]),
        ("PatchCore ResNet-18", "resnet18", anomalib_side.LAYERS),
        ("PatchCore WideResNet-50", "wide_resnet50_2", anomalib_side.LAYERS),
    ):
        _say(f"exporting {name}")
        peers[name] = anomalib_side.Timed(backbone, layers, config)
    seconds: dict[str, list[float]] = {name: [] for name in ("Linesight", *peers)}
    for number in range(rounds):
        _say(f"timing, round {number + 1} of {rounds}")
        seconds["Linesight"] += product.ask("times", count=_BURST)["seconds"][1:]
        for name, peer in peers.items():
            seconds[name] += [_time(peer) for _ in range(_BURST)][1:]
    # Each round is a pair taken within a second or two: the ratio of its medians knows nothing of slower minutes.
    per_round = {name: np.reshape(values, (rounds, -1)) for name, values in seconds.items()}
    own = np.median(per_round["Linesight"], axis=1)
    return {
        name: {
            "p50_ms": float(np.median(values)) * 1000,
            "least_ms": float(np.min(values)) * 1000,
            "linesight_is_faster_p50": float(np.median(values) / np.median(per_round["Linesight"])),
            "linesight_is_faster_by_rounds": float(np.median(np.median(values, axis=1) / own)),
        }
        for name, values in per_round.items()
    }


def _time(peer: anomalib_side.Timed) -> float:
    begin = time.perf_counter()
    peer.run()
    return time.perf_counter() - begin


def _accuracies(product: Linesight, network: Lite0, data: Path, sets: list[str], count: int) -> Result:
    """Image AUROC of both on the first `count` of five folds of each set."""
    anomalib_side.check_selection()
    found: Result = {}
    for name in sets:
        if not (data / SETS[name]).exists():
            _say(f"{data / SETS[name]} is not there: {name} is left out")
            continue
        pictures = product.ask("dataset", path=str(data / SETS[name]))["pictures"]
        defects = [picture["path"] for picture in pictures if picture["anomalous"]]
        normals = [picture["path"] for picture in pictures if not picture["anomalous"]]
        tensors = {path: anomalib_side.read(path) for path in normals + defects}
        results: dict[str, list[float]] = {"Linesight": [], "PatchCore": []}
        for fold, (train_on, held_out) in enumerate(folds(normals)[:count]):
            words = f"{name}, fold {fold + 1} of {count}"
            test_on = held_out + defects
            truth = [0] * len(held_out) + [1] * len(defects)
            _say(f"{words}: Linesight")
            own = product.ask("scores", train_on=train_on, test_on=test_on)["scores"]
            peer, remembered = anomalib_side.scores(
                network,
                [f"blocks.{tap}" for tap in TAPS],
                [tensors[path] for path in train_on],
                [tensors[path] for path in test_on],
                seed=fold,
                step=lambda what, words=words: _say(f"{words}: PatchCore, {what}"),  # type: ignore[misc]
            )
            results["Linesight"].append(float(roc_auc_score(truth, own)))
            results["PatchCore"].append(float(roc_auc_score(truth, peer)))
            _say(f"{words}: AUROC " + ", ".join(f"{side} {values[-1]:.4f}" for side, values in results.items()))
        product.ask("forget")
        found[name] = {
            "normals": len(normals),
            "defects": len(defects),
            "remembered": remembered,
            "folds": results,
            "mean": {side: statistics.mean(values) for side, values in results.items()},
        }
    return found


def _shared_backbone(product: Linesight) -> Lite0:
    """Linesight's backbone in torch, proven equal."""
    with tempfile.TemporaryDirectory() as folder:
        file = str(Path(folder) / "lite0.npz")
        blocks = product.ask("weights", file=file, taps=TAPS, size=anomalib_side.SIZE)["blocks"]
        with np.load(file) as stored:
            arrays = dict(stored)
    network = Lite0(arrays, blocks).eval()
    _say(f"EfficientNet-Lite0 in torch and in OpenVINO agree within {check(network, arrays, TAPS):.1e}")
    return network


def _versions(product: Linesight) -> Result:
    names = ("anomalib", "torch", "torchvision", "timm", "openvino", "onnx", "numpy")
    return {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "linesight": product.ask("versions"),
        "peer": {"python": platform.python_version()} | {name: version(name) for name in names},
    }


def _table(results: Result) -> str:
    lines = [f"{side}: {what}" for side, what in results["versions"].items()]
    if "time" in results:
        lines += ["", "| a picture on OpenVINO, 2 threads | p50 ms | least ms | Linesight is faster, p50 |"]
        lines += ["|---|---|---|---|"]
        for name, value in results["time"].items():
            ratio = "" if name == "Linesight" else f"{value['linesight_is_faster_p50']:.1f} x"
            if ratio:
                ratio += f" (median of rounds {value['linesight_is_faster_by_rounds']:.1f} x)"
            lines.append(f"| {name} | {value['p50_ms']:.1f} | {value['least_ms']:.1f} | {ratio} |")
    if "accuracy" in results:
        lines += ["", "| image AUROC, good parts only | good, defects | remembered | folds | Linesight | PatchCore |"]
        lines += ["|---|---|---|---|---|---|"]
        for name, value in results["accuracy"].items():
            means = " | ".join(f"{value['mean'][side]:.4f}" for side in ("Linesight", "PatchCore"))
            count = len(value["folds"]["PatchCore"])
            lines.append(
                f"| {name} | {value['normals']}, {value['defects']} | {value['remembered']} | {count} | {means} |"
            )
    return "\n".join(lines)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Linesight beside anomalib's PatchCore.")
    parser.add_argument("--quick", action="store_true", help="15 rounds of timing and two of the five folds")
    parser.add_argument("--only", choices=("time", "accuracy"), help="one half of the comparison")
    parser.add_argument("--sets", nargs="+", choices=tuple(SETS), default=list(SETS), help="data sets (all)")
    parser.add_argument("--json", action="store_true", help="standard output holds one JSON object")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data", help="folder of the data sets")
    parser.add_argument("--linesight-python", type=Path, default=product_python(), help="the product's Python")
    return parser.parse_args()


def _say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
