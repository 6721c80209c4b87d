"""The peer: anomalib's PatchCore (Roth et al. 2022, arXiv 2106.08265), its own code, without its training framework.

`PatchcoreModel` is anomalib's whole method as a torch module: features of two layers, 3 x 3 mean, greedy coreset,
nearest neighbours, the weighted score of the paper. What anomalib wraps around it (Lightning, data modules, pre- and
post-processing) is left out, which only makes it faster.
"""

from __future__ import annotations

import sys
import tempfile
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
import torch
from PIL import Image, ImageOps
from torch import nn


def _let_torchvision_in() -> None:
    """Makes torchvision importable beside a torch it was not compiled for.

    PyPI's torchvision is compiled for PyPI's torch, which on Linux carries CUDA; beside the CPU build of torch its
    compiled operators do not load, and then it stumbles while describing two of them. Nothing here calls an operator
    of torchvision, so their bare signatures are enough. With a matching pair this does nothing.
    """
    try:
        import torchvision  # noqa: F401
    except RuntimeError as error:
        if "torchvision::" not in str(error):
            raise
        for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
            del sys.modules[name]
        library = torch.library.Library("torchvision", "DEF")
        for operator in ("nms", "qnms"):
            library.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        _let_torchvision_in.library = library  # type: ignore[attr-defined]  # it lasts as long as this object


with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # anomalib uses names that timm and anomalib itself call old
    _let_torchvision_in()
    from anomalib.models.components import KCenterGreedy
    from anomalib.models.image.patchcore import torch_model
    from anomalib.models.image.patchcore.torch_model import PatchcoreModel
    from torchvision.transforms.v2.functional import pil_to_tensor, resize

SIZE = 256
"""Pixels; anomalib squeezes every picture into a square."""

LAYERS = ("layer2", "layer3")
"""Of a ResNet, strides 8 and 16: PatchCore's own choice."""

TIMED_BANK = 4096

RATIO = 0.1
"""Share of the features that is remembered: anomalib's own default."""

MOST_REMEMBERED = 4096
MOST_CANDIDATES = 65_536
"""The greedy selection costs candidates x remembered: with these a fold takes about a minute on two cores. 65,536
candidates are 64 pictures whole; of more pictures a random share of the cells is looked at. It costs little: Roth et
al. (table 1, MVTec AD) have 0.990 with a tenth of the features and 0.990 with a hundredth."""

_BATCH = 8


def patchcore(backbone: str | nn.Module, layers: Sequence[str]) -> PatchcoreModel:
    """anomalib's model for a backbone by its timm name (weights random) or as a module."""
    return PatchcoreModel(layers=list(layers), backbone=backbone, pre_trained=False).eval()  # type: ignore[arg-type]


def read(path: str) -> torch.Tensor:
    """A picture as PatchCore sees it: (3, 256, 256) float32, R, G, B, 0..255; squeezed as anomalib does it."""
    with Image.open(path) as picture:
        pixels = pil_to_tensor(ImageOps.exif_transpose(picture).convert("RGB"))
    return resize(pixels.float(), [SIZE, SIZE], antialias=True)


# ------------------------------------------------------------------------------------------------ time


class _Plain(nn.Module):
    """Tensors instead of anomalib's named tuple, which the exporter does not know."""

    def __init__(self, model: PatchcoreModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        result = self.model(pixels)
        return result.pred_score, result.anomaly_map


class Timed:
    """One PatchCore on OpenVINO: a picture of 256 x 256 in, score and map out.

    Exported as anomalib exports it (torch.onnx with dynamo, then OpenVINO), at a fixed size of one picture.

    Args:
        config: OpenVINO's settings, the same that Linesight runs with.

    Raises:
        RuntimeError: the compiled graph does not answer as the torch model does.
    """

    def __init__(self, backbone: str | nn.Module, layers: Sequence[str], config: dict[str, Any]) -> None:
        torch.manual_seed(0)
        model = patchcore(backbone, layers)
        # Time does not depend on what is remembered, only on how much.
        model.memory_bank = torch.randn(TIMED_BANK, sum(model.feature_extractor.out_dims))
        picture = torch.rand(1, 3, SIZE, SIZE)
        self._request = ov.Core().compile_model(_converted(_Plain(model).eval(), picture), "CPU", config)
        self._request = self._request.create_infer_request()
        self._picture = picture.numpy()
        with torch.no_grad():
            expected = float(model(picture).pred_score)
        found = float(self._request.infer([self._picture])[0].reshape(-1)[0])
        if abs(found - expected) > 1e-3 * max(1.0, abs(expected)):
            raise RuntimeError(f"PatchCore on OpenVINO scores {found:.6f}, in torch {expected:.6f}: a wrong export.")

    def run(self) -> None:
        """One picture."""
        self._request.infer([self._picture], share_inputs=True)


def _converted(module: nn.Module, example: torch.Tensor) -> ov.Model:
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the exporter, about itself
        path = Path(folder) / "patchcore.onnx"
        torch.onnx.export(module, (example,), str(path), dynamo=True, verbose=False)
        model = ov.convert_model(path)
        model.reshape(list(example.shape))
        return model


# -------------------------------------------------------------------------------------------- accuracy


class _OnePass(KCenterGreedy):
    """anomalib's greedy selection with its distances from one product, |x|^2 + |c|^2 - 2 x.c: the same picks but for
    rounding, and a third of the memory traffic, which is all it costs on a CPU."""

    _squares: torch.Tensor | None = None

    def update_distances(self, cluster_center: Any) -> None:
        if self._squares is None:
            self._squares = self.features.square().sum(dim=1)
        centre = self.features[cluster_center].reshape(-1)
        squared = self._squares + centre.square().sum() - 2 * (self.features @ centre)
        distances = squared.clamp_min_(0).sqrt_()[:, None]
        self.min_distances = distances if self.min_distances is None else torch.minimum(self.min_distances, distances)


def check_selection() -> None:
    """Raises RuntimeError unless the quicker selection picks what anomalib's own picks."""
    rows = torch.from_numpy(np.random.default_rng(0).standard_normal((500, 16), np.float32))
    picks = []
    for kind in (KCenterGreedy, _OnePass):
        _seed(0)
        picks.append(kind(embedding=rows, sampling_ratio=0.1).select_coreset_idxs())
    if picks[0] != picks[1]:
        raise RuntimeError("The quicker coreset selection picks other features than anomalib's own.")


def scores(
    backbone: nn.Module,
    layers: Sequence[str],
    train_on: Sequence[torch.Tensor],
    test_on: Sequence[torch.Tensor],
    seed: int,
    step: Callable[[str], None],
) -> tuple[list[float], int]:
    """PatchCore's raw score of each test picture, and how many features it remembers.

    Args:
        train_on: pictures of good parts, as `read` gives them; so are `test_on`.
        seed: of the selection; the same seed gives the same scores.
    """
    _seed(seed)
    model = patchcore(backbone, layers)
    with torch.no_grad():
        model.train()
        for pictures in _batches(train_on):
            model(pictures)
        _thin_out(model)
        number = sum(len(rows) for rows in model.embedding_store)
        step(f"selecting from {number} features")
        torch_model.KCenterGreedy = _OnePass
        model.subsample_embedding(min(RATIO, (MOST_REMEMBERED + 0.5) / number))
        model.eval()
        found = [float(score) for pictures in _batches(test_on) for score in model(pictures).pred_score.reshape(-1)]
    return found, len(model.memory_bank)


def _thin_out(model: PatchcoreModel) -> None:
    rows = torch.vstack(model.embedding_store)
    if len(rows) > MOST_CANDIDATES:
        rows = rows[torch.randperm(len(rows))[:MOST_CANDIDATES]]
    model.embedding_store = [rows]


def _batches(pictures: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    return [torch.stack(list(pictures[at : at + _BATCH])) for at in range(0, len(pictures), _BATCH)]


def _seed(seed: int) -> None:
    """anomalib draws from both of the global generators."""
    torch.manual_seed(seed)
    np.random.seed(seed)
