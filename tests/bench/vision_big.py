"""Measures how many small, weak defects on large pictures are found: drawn parts of 4096 x 3072 pixels, defects of a
thousandth of the picture and 20 grey levels. `python main.py bench vision` calls it.

The parts are drawn, but not made easy: each has a surface of its own (grain, streaks, sinks, pores, specks of dust,
hair scratches; some stronger than the defects, yet much smaller), lies a few pixels and a tenth of a degree off, and is
seen in other light and through a sensor's noise. What the parts of a kind share is drawn once; so are long fields of
random texture, of which each part gets its own mixture at its own place.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from app.cli.benching import Figure
from app.domain.frame import Image
from app.vision.detector import Detector
from app.vision.survey import Sample
from app.vision.training import Trained, train

Step = Callable[[float, str], None]
Plane = NDArray[np.float32]
Generator = np.random.Generator

WIDTH, HEIGHT = 4096, 3072
AREA = WIDTH * HEIGHT // 1000
CONTRAST = 20.0
TRAINED, GOOD, DEFECTIVE = 24, 40, 50
"""Pictures of each of the four kinds of parts: 160 good and 200 defective ones in all."""

_SPARE = 128  # pixels by which fields of random texture are larger than a picture
_STRIP = 64  # rows put together at once: they stay in the processor's cache
_SIDES = np.linspace(-1, 1, WIDTH), np.linspace(-1, 1, HEIGHT)


@dataclass(frozen=True, slots=True)
class Texture:
    """Random texture: Gaussian noise smoothed by `down` and `across` pixels, with a deviation of `grey` levels."""

    down: float
    across: float
    grey: float


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of part.

    Attributes:
        textures: of its surface.
        tails: exponent that widens the tails of the texture's distribution; 1: Gaussian.
        specks: about so many small bright and dark spots a part, and of how many grey levels.
        hairs: about so many hair scratches a part.
        turned: standard deviation of the angle it lies at, degrees.
    """

    name: str
    draw: Callable[[Generator], tuple[Image, NDArray[np.uint8]]]
    own: Callable[[Plane, Generator], None]
    textures: tuple[Texture, ...]
    tails: float = 1.0
    specks: int = 20
    speck_grey: float = 25.0
    hairs: int = 0
    turned: float = 0.05


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """(3072, 4096, 3) uint8 BGR, and where the defect lies in it, (3072, 4096) bool; None: a good part."""

    image: Image
    defect: NDArray[np.bool_] | None


def moulded(rng: Generator) -> tuple[Image, NDArray[np.uint8]]:
    """A cover of dark plastic with ribs, bosses and a slot on a lighter tray."""
    colour, part = _plate((205, 202, 198), (88, 92, 90), 150)
    for x in range(700, WIDTH - 500, 640):
        cv2.rectangle(colour, (x, 520), (x + 44, HEIGHT - 520), (104, 108, 106), -1)
        cv2.rectangle(colour, (x + 44, 520), (x + 58, HEIGHT - 520), (62, 65, 64), -1)
    for x, y in ((480, 440), (WIDTH - 480, 440), (480, HEIGHT - 440), (WIDTH - 480, HEIGHT - 440), (2048, 1536)):
        cv2.circle(colour, (x, y), 120, (108, 112, 110), -1)
        cv2.circle(colour, (x + 8, y + 8), 84, (48, 50, 50), -1)
        cv2.circle(colour, (x, y), 78, (36, 37, 38), -1)
    cv2.rectangle(colour, (1500, 250), (2600, 360), (40, 42, 42), -1)
    return _lens(colour), part


def brushed(rng: Generator) -> tuple[Image, NDArray[np.uint8]]:
    """A sheet of brushed steel with drilled holes and a bent edge, which fills most of the picture."""
    colour, part = _plate((58, 55, 52), (150, 152, 154), 60)
    cv2.rectangle(colour, (60, 60), (WIDTH - 60, 190), (122, 124, 126), -1)
    for x in range(420, WIDTH - 300, 650):
        for y in (420, HEIGHT - 420):
            cv2.circle(colour, (x, y), 96, (188, 190, 190), -1)
            cv2.circle(colour, (x + 3, y + 4), 86, (44, 44, 46), -1)
    cv2.ellipse(colour, (2048, 1600), (520, 240), 0, 0, 360, (186, 188, 188), -1)
    cv2.ellipse(colour, (2050, 1603), (508, 228), 0, 0, 360, (50, 50, 52), -1)
    return _lens(colour), part


def board(rng: Generator) -> tuple[Image, NDArray[np.uint8]]:
    """A printed circuit board: copper under green lacquer, tinned pads, chips, print."""
    colour, part = _plate((70, 68, 66), (66, 98, 42), 40)
    for _ in range(260):  # traces: along, then slanting, then along
        x, y = (int(rng.integers(200, side - 200)) for side in (WIDTH, HEIGHT))
        run, slant = int(rng.integers(150, 900)), int(rng.integers(-200, 200))
        path = [(x, y), (x + run // 2, y), (x + run // 2 + abs(slant), y + slant), (x + run + abs(slant), y + slant)]
        if rng.random() < 0.5:
            path = [(x, y), (x, y + run // 2), (x + slant, y + run // 2 + abs(slant)), (x + slant, y + run)]
        cv2.polylines(colour, [np.array(path, np.int32)], False, (84, 124, 58), int(rng.choice([10, 14, 22])))
    for _ in range(320):  # vias
        x, y = (int(rng.integers(160, side - 160)) for side in (WIDTH, HEIGHT))
        cv2.circle(colour, (x, y), 20, (160, 172, 176), -1)
        cv2.circle(colour, (x, y), 9, (40, 40, 40), -1)
    for x in range(420, WIDTH - 500, 760):
        for y in range(380, HEIGHT - 400, 620):
            wide, tall = (int(value) for value in rng.integers((200, 140), (420, 330)))
            for pin in range(x + 10, x + wide - 10, 44):
                for edge in (y - 46, y + tall):
                    cv2.rectangle(colour, (pin, edge), (pin + 24, edge + 46), (172, 178, 180), -1)
            shade = int(rng.integers(34, 58))
            cv2.rectangle(colour, (x, y), (x + wide, y + tall), (shade, shade, shade), -1)
            cv2.circle(colour, (x + 30, y + 30), 12, (90, 90, 90), -1)
            text = f"{'URCQ'[int(rng.integers(4))]}{int(rng.integers(1, 99))}"
            cv2.putText(colour, text, (x + 20, y - 70), cv2.FONT_HERSHEY_SIMPLEX, 2.2, (196, 204, 200), 8)
    return _lens(colour), part


def cast(rng: Generator) -> tuple[Image, NDArray[np.uint8]]:
    """A rough sand casting with a pocket, a boss and cast letters."""
    colour, part = _plate((42, 44, 46), (136, 138, 140), 120)
    cv2.rectangle(colour, (620, 700), (2050, 2350), (110, 112, 114), -1)
    cv2.rectangle(colour, (620, 700), (2050, 2350), (168, 170, 172), 26)
    cv2.circle(colour, (3000, 1250), 520, (160, 162, 164), -1)
    cv2.circle(colour, (3010, 1262), 300, (66, 68, 70), -1)
    cv2.putText(colour, "GJL-250", (2300, 2500), cv2.FONT_HERSHEY_DUPLEX, 9, (104, 106, 108), 44)
    cv2.putText(colour, "GJL-250", (2290, 2488), cv2.FONT_HERSHEY_DUPLEX, 9, (164, 166, 168), 40)
    return _lens(colour), part


def _sinks(luma: Plane, rng: Generator) -> None:
    """Where ribs meet the cover it sinks in a little, on each part otherwise."""
    for x in range(722, WIDTH - 500, 640):
        _haze(luma, (x, int(rng.integers(700, HEIGHT - 700))), (140, 420), float(rng.normal(0, 3)))


def _gloss(luma: Plane, rng: Generator) -> None:
    """The lamp's reflection lies across the brushing, at another height on each part."""
    rows = np.arange(HEIGHT, dtype=np.float32)[:, None]
    for _ in range(2):
        middle, tall = float(rng.normal(1500, 90)), float(rng.uniform(500, 700))
        luma += np.float32(rng.normal(9, 1.5)) * np.exp(-0.5 * ((rows - np.float32(middle)) / np.float32(tall)) ** 2)


def _solder(luma: Plane, rng: Generator) -> None:
    """Solder and lacquer differ from place to place."""
    for _ in range(60):
        place = int(rng.integers(200, WIDTH - 200)), int(rng.integers(200, HEIGHT - 200))
        _haze(luma, place, (60, 60), float(rng.normal(0, 4)))


def _skin(luma: Plane, rng: Generator) -> None:
    """The casting's skin is a little darker in places."""
    for _ in range(12):
        place = int(rng.integers(300, WIDTH - 300)), int(rng.integers(300, HEIGHT - 300))
        _haze(luma, place, (260, 200), float(rng.normal(0, 3)))


KINDS = (
    Kind("moulded", moulded, _sinks, (Texture(2.2, 2.2, 4.0), Texture(130, 170, 2.0)), specks=30),
    Kind("brushed", brushed, _gloss, (Texture(1.1, 320, 6.0), Texture(10, 1400, 3.0)), 1.25, 12, 25, hairs=10),
    Kind("board", board, _solder, (Texture(1.6, 1.6, 2.0), Texture(180, 180, 2.0)), specks=25, turned=0.1),
    Kind(
        "cast",
        cast,
        _skin,
        (Texture(1.4, 1.4, 5.0), Texture(5, 5, 5.0), Texture(22, 22, 3.0), Texture(150, 150, 2.0)),
        1.15,
        260,
        32,
    ),
)


class Line:
    """Draws the parts of one kind; the same number gives the same part."""

    def __init__(self, kind: Kind, seed: int = 0) -> None:
        rng = np.random.default_rng([seed, KINDS.index(kind)])
        self._kind, self._seed = kind, seed
        self._colour, self._part = kind.draw(rng)
        self._fields = [_field(kind, rng) for _ in range(2)]
        self._noise = rng.normal(0, 1.8, (HEIGHT + _SPARE, WIDTH + _SPARE)).astype(np.float32)

    def part(self, number: int, defect: int | None = None) -> Picture:
        """Part `number`; `defect`: which of `SHAPES` it has, None for a good part."""
        rng = np.random.default_rng([self._seed, KINDS.index(self._kind), number, 1])
        turn = np.asarray(
            cv2.getRotationMatrix2D((WIDTH / 2, HEIGHT / 2), float(rng.normal(0, self._kind.turned)), 1.0), np.float64
        )
        turn[:, 2] += rng.normal(0, 3.0, 2)
        laid = _turned(self._colour, turn, cv2.INTER_LINEAR)
        on_part = _turned(self._part, turn, cv2.INTER_NEAREST)
        angle = rng.uniform(0, np.pi / 2)
        fields = [_somewhere(field, rng) for field in self._fields]
        luma = cv2.addWeighted(fields[0], float(np.cos(angle)), fields[1], float(np.sin(angle)), 0)
        self._kind.own(luma, rng)
        self._specks(luma, rng)
        luma *= cv2.addWeighted(on_part, 0.65 / 255, on_part, 0, 0.35, dtype=cv2.CV_32F)  # the tray is smoother
        where = None
        if defect is not None:
            where = _harm(luma, on_part, defect, rng)
        across, down = (1 + rng.normal(0, 0.005) * side - 0.03 * side**2 for side in _SIDES)  # the lamp's unevenness
        down *= rng.uniform(0.97, 1.03)
        noise = [_somewhere(self._noise, rng) for _ in range(3)]
        image = np.empty((HEIGHT, WIDTH, 3), np.uint8)
        for top in range(0, HEIGHT, _STRIP):
            rows = slice(top, top + _STRIP)
            gain = np.outer(down[rows], across).astype(np.float32)
            for channel in range(3):
                plane = cv2.multiply(laid[rows, :, channel], gain, dtype=cv2.CV_32F)
                plane += luma[rows]
                plane += noise[channel][rows]
                image[rows, :, channel] = np.clip(plane, 0, 255, out=plane)
        return Picture(image, where)

    def _specks(self, luma: Plane, rng: Generator) -> None:
        for _ in range(rng.poisson(self._kind.specks)):
            x, y, radius = int(rng.integers(WIDTH)), int(rng.integers(HEIGHT)), int(rng.integers(2, 6))
            spot = np.zeros((16, 16), np.float32)
            cv2.ellipse(
                spot, (8, 8), (radius, int(rng.integers(1, radius + 1))), rng.uniform(0, 180), 0, 360, (1.0,), -1
            )
            grey = np.float32(rng.normal(-0.3, 1) * self._kind.speck_grey)
            luma[y : y + 16, x : x + 16] += cv2.GaussianBlur(spot, (0, 0), 0.9)[: HEIGHT - y, : WIDTH - x] * grey
        for _ in range(rng.poisson(self._kind.hairs)):
            x, y = int(rng.integers(300, WIDTH - 300)), int(rng.integers(300, HEIGHT - 300))
            across, down = (int(value) for value in np.clip(rng.normal(0, (120, 40)), -290, 290))
            hair = np.zeros((600, 600), np.uint8)
            cv2.line(hair, (300 - across, 300 - down), (300 + across, 300 + down), (1,), 2)
            luma[y - 300 : y + 300, x - 300 : x + 300] += hair * np.float32(rng.normal(0, 12))


def _plate(around: tuple[int, int, int], inside: tuple[int, int, int], edge: int) -> tuple[Image, NDArray[np.uint8]]:
    """A rectangular part, `edge` pixels inside a picture's borders, and its area (255)."""
    colour = np.full((HEIGHT, WIDTH, 3), around, np.uint8)
    part = np.zeros((HEIGHT, WIDTH), np.uint8)
    for plane, value in ((colour, inside), (part, (255,))):
        cv2.rectangle(plane, (edge, edge), (WIDTH - edge, HEIGHT - edge), value, -1)
    return colour, part


def _lens(colour: Image) -> Image:
    """Edges as soft as a lens makes them."""
    return np.asarray(cv2.GaussianBlur(colour, (0, 0), 1.3), np.uint8)


def _turned(plane: NDArray[np.uint8], matrix: NDArray[np.float64], how: int) -> NDArray[np.uint8]:
    return np.asarray(
        cv2.warpAffine(plane, matrix, (WIDTH, HEIGHT), flags=how, borderMode=cv2.BORDER_REPLICATE), np.uint8
    )


def _field(kind: Kind, rng: Generator) -> Plane:
    """The kind's textures added up, larger than a picture."""
    shape = HEIGHT + 8 * _SPARE, WIDTH + 8 * _SPARE
    whole = np.zeros(shape, np.float32)
    down, across = np.fft.fftfreq(shape[0])[:, None], np.fft.rfftfreq(shape[1])[None, :]
    for each in kind.textures:
        noise = np.fft.rfft2(rng.standard_normal(shape, np.float32))
        noise *= np.exp(-2 * np.pi**2 * ((down * each.down) ** 2 + (across * each.across) ** 2))
        plane = np.fft.irfft2(noise, shape).astype(np.float32)
        plane = np.sign(plane) * np.abs(plane) ** np.float32(kind.tails)
        whole += plane * np.float32(each.grey / plane.std())
    return whole


def _somewhere(field: Plane, rng: Generator) -> Plane:
    """A (3072, 4096) piece of a larger field, as it is or turned by half."""
    top, left = (int(rng.integers(long - side + 1)) for long, side in zip(field.shape, (HEIGHT, WIDTH), strict=True))
    piece = field[top : top + HEIGHT, left : left + WIDTH]
    return piece if rng.random() < 0.5 else piece[::-1, ::-1]


def _haze(luma: Plane, place: tuple[int, int], size: tuple[int, int], grey: float) -> None:
    """A soft spot of `grey` levels at (x, y), (wide, tall) standard deviations large."""
    (x, y), (wide, tall) = place, size
    left, right, top, bottom = (
        max(0, x - 3 * wide),
        min(WIDTH, x + 3 * wide),
        max(0, y - 3 * tall),
        min(HEIGHT, y + 3 * tall),
    )
    across = np.exp(-0.5 * ((np.arange(left, right, dtype=np.float32) - x) / wide) ** 2)
    down = np.exp(-0.5 * ((np.arange(top, bottom, dtype=np.float32) - y) / tall) ** 2)
    luma[top:bottom, left:right] += np.float32(grey) * np.outer(down, across)


SHAPES = ("spot", "scratch", "stain")


def _harm(luma: Plane, on_part: NDArray[np.uint8], shape: int, rng: Generator) -> NDArray[np.bool_]:
    """Draws a defect of `AREA` pixels and `CONTRAST` grey levels; where it is, (3072, 4096)."""
    drawn = _scratch(rng) if SHAPES[shape] == "scratch" else _blob(rng, 16.0 if SHAPES[shape] == "stain" else 1.5)
    tall, wide = drawn.shape
    core = drawn >= 0.5
    while True:
        x, y = int(rng.integers(0, WIDTH - wide)), int(rng.integers(0, HEIGHT - tall))
        area = slice(y, y + tall), slice(x, x + wide)
        if on_part[area][core].all():
            break
    luma[area] += drawn * np.float32(rng.choice([-CONTRAST, CONTRAST]))
    where = np.zeros((HEIGHT, WIDTH), np.bool_)
    where[area] = core
    return where


def _blob(rng: Generator, soft: float) -> Plane:
    """An irregular spot, 0..1, with an edge as soft as `soft` pixels."""
    angles = np.linspace(0, 2 * np.pi, 120, endpoint=False)
    radius = 1 + sum(rng.normal(0, 0.22 / order) * np.cos(order * angles + rng.uniform(0, 6)) for order in (2, 3, 4, 5))
    shape = np.maximum(radius, 0.4)[:, None] * np.stack([np.cos(angles) * rng.uniform(1, 1.5), np.sin(angles)], axis=1)
    scale = np.sqrt(AREA / cv2.contourArea(shape.astype(np.float32)))
    for _ in range(4):  # a soft edge moves the line of half the contrast
        half = int(np.abs(shape).max() * scale + 4 * soft) + 2
        plane = np.zeros((2 * half, 2 * half), np.float32)
        cv2.fillPoly(plane, [np.round(shape * scale + half).astype(np.int32)], (1.0,))
        plane = np.asarray(cv2.GaussianBlur(plane, (0, 0), soft), np.float32)
        plane /= plane.max()
        scale *= np.sqrt(AREA / np.count_nonzero(plane >= 0.5))
    return plane


def _scratch(rng: Generator) -> Plane:
    """A long, slightly bent scratch, 0..1."""
    length = rng.uniform(700, 1500)
    along = np.linspace(-0.5, 0.5, 60)
    angle, bent = rng.uniform(0, np.pi), rng.normal(0, 0.08)
    path = length * np.stack([along, bent * (4 * along**2 - 1)], axis=1)
    path = path @ np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    path -= path.min(axis=0) - 30
    thick = AREA / np.linalg.norm(np.diff(path, axis=0), axis=1).sum()
    wide, tall = (int(value) + 30 for value in path.max(axis=0))
    plane = np.zeros((tall, wide), np.float32)
    across = np.gradient(path, axis=0)[:, ::-1] * (-1, 1)
    across *= thick / 2 / np.linalg.norm(across, axis=1, keepdims=True)
    border = np.concatenate([path + across, (path - across)[::-1]])
    cv2.fillPoly(plane, [np.round(border * 16).astype(np.int32)], (1.0,), cv2.LINE_8, 4)
    return np.asarray(cv2.GaussianBlur(plane, (0, 0), 1.2), np.float32)


@dataclass
class Tally:
    """What one way of training did to the pictures of one kind of parts."""

    good: int = 0
    rejected: int = 0
    defective: int = 0
    found: int = 0
    seconds: float = 0.0

    def count(self, detector: Detector, picture: Picture) -> bool:
        """Judges one more picture; whether it was judged rightly."""
        begin = time.perf_counter()
        result = self.last = detector.detect(picture.image)
        self.seconds += time.perf_counter() - begin
        fails = result.score >= result.threshold
        if picture.defect is None:
            self.good, self.rejected = self.good + 1, self.rejected + fails
            return not fails
        hit = fails and any(_meet(region.outline, picture.defect) for region in result.regions)
        self.defective, self.found = self.defective + 1, self.found + hit
        return hit


def _meet(outline: tuple[tuple[int, int], ...], defect: NDArray[np.bool_]) -> bool:
    points = np.array(outline, np.int32)
    x, y, wide, tall = cv2.boundingRect(points)
    area = np.zeros((tall, wide), np.uint8)
    cv2.fillPoly(area, [points - (x, y)], (1,))
    return bool((area > 0)[: HEIGHT - y, : WIDTH - x][defect[y : y + tall, x : x + wide]].any())


def figures(quick: bool, step: Step) -> list[Figure]:
    """Share of defects found and of good parts rejected, with default settings; nothing of it is quick."""
    if quick:
        return []
    each = [measured(kind, None, step) for kind in KINDS]
    good, rejected, defective, found = (
        sum(getattr(tally, name) for tally in each) for name in ("good", "rejected", "defective", "found")
    )
    what = f"pictures of {WIDTH} x {HEIGHT}"
    hits = f"{defective} defects of 0.1 % and 20 grey levels, share found, {what}"
    seconds = sum(tally.seconds for tally in each)
    return [
        Figure(hits, found / defective, "", 0.95, 1.0, "higher"),
        Figure(f"{good} good parts not yet seen, share rejected, {what}", rejected / good, "", 0.02, 0.01),
        Figure(f"a picture, {what}", 1000 * seconds / (good + defective), "ms"),
    ]


def measured(kind: Kind, detail: float | None, step: Step) -> Tally:
    """Trains on good parts of a kind and judges others."""
    step(0.0, f"Drawing large pictures: {kind.name}")
    line, tally = Line(kind), Tally()
    with tempfile.TemporaryDirectory(prefix="linesight-bench-") as folder:
        trained = learned(line, Path(folder), detail, step)
    detector = Detector(trained.model, trained.ref)
    for index in range(GOOD + DEFECTIVE):
        step(0.5 + 0.5 * index / (GOOD + DEFECTIVE), f"Judging large pictures: {kind.name}")
        tally.count(detector, line.part(TRAINED + index, None if index < GOOD else index % len(SHAPES)))
    return tally


def learned(line: Line, folder: Path, detail: float | None, step: Step) -> Trained:
    """A model of the line's first parts, which wait in `folder`: a training reads each some times."""

    def sample(number: int) -> Sample:
        path = folder / f"{number}.npy"
        np.save(path, line.part(number).image)
        return Sample(path.stem, lambda: np.load(path))

    samples = [sample(number) for number in range(TRAINED)]
    return train(samples, name="large", detail=detail, step=step)
