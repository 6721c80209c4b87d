"""Cuts an ONNX model down to what leads to some of its inner tensors.

What comes out holds the needed nodes and numbers and nothing else, takes pictures of any number and size,
and refers to no file: a model from a stranger must not make this machine read one.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence

import onnx
from google.protobuf.message import DecodeError
from onnx import inliner

from app.domain.errors import ModelError
from app.vision.backbones.onnx_limits import SPOKEN, check_fields, check_functions, check_values

_ENDLESS = ("Loop", "Scan")
"""Nodes that a stranger could let run for ever; no feature extractor needs them."""

_STANDARD = ("", "ai.onnx")  # both names of the one domain
_SUGGESTED = 8  # names in a message
_SEARCHED = 2000  # names that are compared with a wrong one


def cut(data: bytes, tensors: Sequence[str], what: str) -> bytes:
    """The part of an ONNX model that leads to these tensors, as a model that has them for its outputs, in
    their order. `check_standard` looks at what this does not: whether the nodes fit each other.

    Args:
        data: the model.
        tensors: names of tensors inside it, each once.
        what: the words for it in messages.

    Raises:
        ModelError: no ONNX model, too large, numbers in other files, nodes that are not of the standard or
            need not end, no such tensors, or its input is not one batch of colour pictures.
    """
    check_fields(data, what)
    model = _parsed(data, what)
    if model.functions:
        check_functions(model, what)
        try:
            model = inliner.inline_local_functions(model)
        except (RuntimeError, ValueError) as error:
            raise ModelError(f"{what} has functions that cannot be resolved ({_first_line(error)}).") from error
    graph = model.graph
    _check_names(graph, tensors, what)
    nodes = _leading_to(graph, tensors)
    used = {name for node in nodes for name in _reads(node)} | set(tensors)
    constants = [tensor for tensor in graph.initializer if tensor.name in used]
    given = {tensor.name for tensor in constants}
    inputs = [value for value in graph.input if value.name in used and value.name not in given]
    small = onnx.GraphProto(
        name="extractor",
        node=nodes,
        initializer=constants,
        input=[_picture_input(inputs, what)],
        output=[onnx.ValueInfoProto(name=name) for name in tensors],
    )
    _check_content(small, what)
    standard = [each for each in model.opset_import if each.domain in _STANDARD]
    whole = onnx.ModelProto(ir_version=model.ir_version, opset_import=standard, graph=small)
    # Fields this version of the format does not know could mean something to another reader.
    whole.DiscardUnknownFields()
    return bytes(whole.SerializeToString(deterministic=True))


def _check_content(graph: onnx.GraphProto, what: str) -> None:
    """That it holds its own numbers and only nodes that are known to end.

    Raises:
        ModelError: it does not.
    """
    for tensor in _tensors(graph):
        if tensor.external_data or tensor.data_location == onnx.TensorProto.EXTERNAL:
            raise ModelError(
                f"{what} keeps its numbers in another file ({tensor.name[:SPOKEN] or 'a constant'}), which is not "
                "allowed. Save the model again with everything in one file."
            )
    for node in _nodes(graph):
        if node.domain not in _STANDARD:
            raise ModelError(
                f"{what} has a node of the kind {node.domain[:SPOKEN]}.{node.op_type[:SPOKEN]}, which is not of the "
                "ONNX standard. Export it with standard nodes only, and not optimised for one runtime."
            )
        if node.op_type in _ENDLESS:
            raise ModelError(f"{what} has a node of the kind {node.op_type}, which is not allowed: it need not end.")
        if any(attribute.HasField("sparse_tensor") or attribute.sparse_tensors for attribute in node.attribute):
            raise ModelError(f"{what} has sparse numbers, which the runtime does not take. Export it without.")


def check_standard(data: bytes, what: str) -> None:
    """That a model out of `cut` keeps to the ONNX standard. The runtime takes much for granted: a convolution
    without its kernel, or fewer numbers than a shape promises, would end the whole process.

    Raises:
        ModelError: it does not, or its constants would take too much memory.
    """
    model = _parsed(data, what)
    try:
        for tensor in _tensors(model.graph):
            onnx.numpy_helper.to_array(tensor)  # as many numbers as its shape says
        known = onnx.shape_inference.infer_shapes(model, check_type=True)
        onnx.checker.check_model(known, full_check=True)
        _check_inputs(model)
    except (
        onnx.checker.ValidationError,
        onnx.shape_inference.InferenceError,
        RuntimeError,
        ValueError,
        TypeError,
        OverflowError,
        MemoryError,
    ) as error:
        raise ModelError(f"{what} does not keep to the ONNX standard: {_first_line(error)}") from error
    check_values(known, what)


def _check_inputs(model: onnx.ModelProto) -> None:
    """That nodes have the inputs they cannot do without; the checker only counts them.

    Raises:
        ValueError: one has not.
    """
    version = next(each.version for each in model.opset_import if each.domain in _STANDARD)
    for node in _nodes(model.graph):
        schema = onnx.defs.get_schema(node.op_type, version)
        for name, formal in zip(node.input, schema.inputs, strict=False):
            if not name and formal.option == onnx.defs.OpSchema.FormalParameterOption.Single:
                raise ValueError(f"a node {node.op_type} lacks its input {formal.name}")


def _parsed(data: bytes, what: str) -> onnx.ModelProto:
    try:
        model = onnx.load_model_from_string(data)
    except DecodeError as error:
        raise ModelError(f"{what} is not an ONNX model, or is damaged.") from error
    if not model.graph.node:
        raise ModelError(f"{what} is not an ONNX model, or is empty.")
    return model


def _check_names(graph: onnx.GraphProto, tensors: Sequence[str], what: str) -> None:
    if not tensors or len(set(tensors)) != len(tensors):
        raise ModelError(f"The layers wanted of {what} have to be at least one, and each named once.")
    made = [name for node in graph.node for name in node.output if name]
    known = set(made)
    if len(known) != len(made):
        raise ModelError(f"{what} is damaged: two of its nodes make the same tensor.")
    missing = [name for name in tensors if name not in known]
    if missing:
        short = [name for name in made if len(name) <= SPOKEN][:_SEARCHED]
        close = [match for name in missing for match in difflib.get_close_matches(name, short, 3)]
        spread = short[:: max(1, len(short) // _SUGGESTED)]
        some = list(dict.fromkeys(close + spread))[:_SUGGESTED]
        raise ModelError(
            f"{what} has no layer {', '.join(repr(name) for name in missing)}. "
            f"Among its {len(made)} layers are {', '.join(some)}."
        )


def _leading_to(graph: onnx.GraphProto, tensors: Sequence[str]) -> list[onnx.NodeProto]:
    """The nodes these tensors depend on, in the graph's order."""
    maker = {name: index for index, node in enumerate(graph.node) for name in node.output if name}
    kept: set[int] = set()
    waiting = list(tensors)
    while waiting:
        index = maker.get(waiting.pop())
        if index is not None and index not in kept:
            kept.add(index)
            waiting += _reads(graph.node[index])
    return [node for index, node in enumerate(graph.node) if index in kept]


def _reads(node: onnx.NodeProto) -> list[str]:
    """Names a node reads, those that the branches of an If or the body of a Loop take from outside too."""
    names = [name for name in node.input if name]
    for graph in _bodies(node):
        names += [name for inner in graph.node for name in _reads(inner)]
        names += [value.name for value in graph.output]
    return names


def _bodies(node: onnx.NodeProto) -> Iterator[onnx.GraphProto]:
    for attribute in node.attribute:
        if attribute.HasField("g"):
            yield attribute.g
        yield from attribute.graphs


def _graphs(graph: onnx.GraphProto) -> Iterator[onnx.GraphProto]:
    """A graph and all branches in it."""
    yield graph
    for node in graph.node:
        for body in _bodies(node):
            yield from _graphs(body)


def _nodes(graph: onnx.GraphProto) -> Iterator[onnx.NodeProto]:
    """Every node of a graph, those in branches too."""
    return (node for each in _graphs(graph) for node in each.node)


def _tensors(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    """Every tensor a graph carries, wherever it is kept."""
    for each in _graphs(graph):
        yield from each.initializer
        for node in each.node:
            for attribute in node.attribute:
                yield from [attribute.t] if attribute.HasField("t") else []
                yield from attribute.tensors


def _picture_input(inputs: Sequence[onnx.ValueInfoProto], what: str) -> onnx.ValueInfoProto:
    """The one input, opened to any number of pictures of any size."""
    if len(inputs) != 1:
        names = ", ".join(value.name[:SPOKEN] for value in inputs[:_SUGGESTED]) or "none"
        raise ModelError(f"{what} has to have exactly one input that leads to the wanted layers; it has {names}.")
    kind = inputs[0].type.tensor_type
    sides = [side.dim_value for side in kind.shape.dim]  # 0 where open
    if kind.elem_type not in (onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16):
        raise ModelError(f"{what} has to take pictures of floating-point numbers; its input is of another type.")
    if len(sides) != 4 or sides[1] not in (0, 3):
        raise ModelError(
            f"{what} has to take colour pictures as (number, 3, height, width); its input is "
            f"({', '.join(str(side) if side else 'open' for side in sides)}). Export it with colour planes first."
        )
    return onnx.helper.make_tensor_value_info(
        inputs[0].name, kind.elem_type, ["pictures", 3, "picture_height", "picture_width"]
    )


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0][:200]
