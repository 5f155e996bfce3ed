"""torch's exported programs (.pt2)."""

from __future__ import annotations

import copy
from pathlib import Path

import torch
from torch.export import ExportedProgram

from striate.deploy.engines.torch_engine import RECORD
from striate.deploy.export.pictures import Pictures
from striate.deploy.export.traced import Traced, of_its_size, quietly, traced
from striate.deploy.export_record import ExportRecord

TOLD = ("stack_trace", "source_fn_stack", "from_node", "custom")  # of a node, which nothing needs


def torch_program(precision: str, found: Traced, label: str, _calibration: Pictures | None) -> ExportedProgram:
    """The operators as they were traced; in bf16, those of the network with its weights in that."""
    if precision == "fp32":
        return found.program
    module = copy.deepcopy(found.module)
    module.dtype = torch.bfloat16
    module.network.to(module.dtype)
    trace = traced if found.other_sizes else of_its_size
    return trace(module, found.preprocess, label).program


def write_pt2(program: ExportedProgram, record: ExportRecord, path: Path) -> None:
    """Write a program, without the pictures that it was traced with, and without what torch would run as Python.

    See `striate.deploy.engines.pt2_archive`, which refuses to load such.
    """
    program.example_inputs = None
    program._guards_code = []
    for node in program.graph.nodes:
        node.meta = {key: value for key, value in node.meta.items() if key not in TOLD}
    with quietly():
        torch.export.save(program, path, extra_files={RECORD: record.text()})
