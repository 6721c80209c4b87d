"""What an ONNX model from a stranger may ask of this machine: a few bytes of one can stand for gigabytes.

Three ways are closed here: fields that take far more memory parsed than written, functions that call each
other twice a level (a hundred lines, 2^100 nodes), and constants that are written as no more than their size.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import onnx
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from app.domain.errors import ModelError

MAX_BYTES = 256 << 20
"""Of an ONNX model, in bytes. The largest extractor in common use, Wide ResNet-101, has 240 MiB cut."""

MAX_VALUES = 1 << 27
"""Of all tensors together that a model makes without having seen a picture."""

SPOKEN = 100
"""Characters of a name out of a model that an error message repeats."""

_MAX_FIELDS = 1 << 19  # the largest transformers have a tenth of it
_MAX_VARINTS = 16 << 20  # bytes of numbers written one by one, up to forty times as large once read
_OBJECT = 256  # bytes that a node takes at least, however few it is written in
_MAX_DEPTH = 50  # of functions in functions and branches in branches

_VARINTS = frozenset(
    (FieldDescriptor.TYPE_INT32, FieldDescriptor.TYPE_INT64, FieldDescriptor.TYPE_UINT64, FieldDescriptor.TYPE_ENUM)
)
_VARINT, _COUNTED = 0, 2  # how fields are written: as one number, as their length and as many bytes,
_FIXED = {1: 8, 5: 4}  # or as so many bytes
_Kind = dict[int, str]  # of a message: what its fields hold, by number
_NUMBERS = "numbers"  # instead of the name of a message: one or more varints


def _kinds(of: Descriptor, into: dict[str, _Kind]) -> dict[str, _Kind]:
    """All messages that this one can hold, by name. The descriptors themselves are too slow to be asked for
    every field."""
    if of.full_name not in into:
        kind = into[of.full_name] = {}
        for field in of.fields:
            if field.message_type is not None:
                kind[field.number] = field.message_type.full_name
                _kinds(field.message_type, into)
            elif field.type in _VARINTS:
                kind[field.number] = _NUMBERS
    return into


_MODEL: str = onnx.ModelProto.DESCRIPTOR.full_name
_KINDS = _kinds(onnx.ModelProto.DESCRIPTOR, {})


def check_fields(data: bytes, what: str) -> None:
    """That a model is not out of all proportion once parsed, by walking over its fields (Protocol Buffers,
    "Encoding") without making anything of them.

    Raises:
        ModelError: too large, too many fields, or no such encoding.
    """
    if len(data) > MAX_BYTES:
        raise ModelError(f"{what} has more than {MAX_BYTES >> 20} MiB. Choose a smaller extractor.")
    try:
        fields, varints = _walked(data)
    except (IndexError, ValueError) as error:
        raise ModelError(f"{what} is not an ONNX model, or is damaged.") from error
    if fields > _MAX_FIELDS or varints > _MAX_VARINTS:
        raise ModelError(f"{what} has too many small parts to be a feature extractor, and is not read.")


def _walked(data: bytes) -> tuple[int, int]:
    """Number of fields and bytes of packed varints; stops at the first that is too many."""
    fields = varints = 0
    outer: list[tuple[int, _Kind]] = []  # where the messages around this one end, and what they are
    at, end, kind = 0, len(data), _KINDS[_MODEL]
    while fields <= _MAX_FIELDS and varints <= _MAX_VARINTS:
        if at == end:
            if not outer:
                break
            end, kind = outer.pop()
            continue
        fields += 1
        key, at = _varint(data, at)
        wire = key & 7
        if wire == _VARINT:
            _, at = _varint(data, at)
        elif wire == _COUNTED:
            size, at = _varint(data, at)
            held = kind.get(key >> 3)
            if at + size > end:
                raise ValueError("a field that reaches beyond what holds it")
            if held is not None and held != _NUMBERS:
                outer.append((end, kind))
                end, kind = at + size, _KINDS[held]
            else:
                varints += size if held == _NUMBERS else 0
                at += size
        elif wire in _FIXED:
            at += _FIXED[wire]
        else:
            raise ValueError("a kind of field that ONNX does not have")
        if at > end:
            raise ValueError("a field that reaches beyond what holds it")
    return fields, varints


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A number of seven bits a byte, and where the next field starts."""
    value = data[at]
    if value < 0x80:
        return value, at + 1
    value = 0
    for shift in range(0, 70, 7):
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ValueError("a number that does not end")


def check_functions(model: onnx.ModelProto, what: str) -> None:
    """That the model's own functions stay small when each call is replaced by what it calls.

    Raises:
        ModelError: they do not, or one calls itself.
    """
    functions = {(each.domain, each.name, each.overload): each for each in model.functions}
    sizes: dict[tuple[str, str, str], int] = {}

    def size(nodes: Iterable[onnx.NodeProto], depth: int) -> int:
        if depth > _MAX_DEPTH:
            raise ModelError(f"{what} has functions that call themselves, or that lie too deep in each other.")
        total = 0
        for node in nodes:
            total += _OBJECT + node.ByteSize()
            called = (node.domain, node.op_type, node.overload)
            if called in functions:
                if called not in sizes:
                    sizes[called] = size(functions[called].node, depth + 1)
                total += sizes[called]
            for attribute in node.attribute:
                for body in (attribute.g, *attribute.graphs):
                    total += size(body.node, depth + 1)
        return total

    if size(model.graph.node, 0) > 2 * MAX_BYTES:
        raise ModelError(f"{what} has functions that call each other too often to be written out.")


def check_values(known: onnx.ModelProto, what: str) -> None:
    """That no tensors of a size that is known already are out of all proportion.

    Args:
        known: after shape inference.

    Raises:
        ModelError: they are.
    """
    total = 0
    for value in known.graph.value_info:
        sides = value.type.tensor_type.shape.dim
        if all(side.HasField("dim_value") for side in sides):
            total += abs(math.prod(side.dim_value for side in sides))
        if total > MAX_VALUES:
            raise ModelError(f"{what} needs too much memory for the tensor {value.name[:SPOKEN]!r}.")
