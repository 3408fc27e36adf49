# SPDX-License-Identifier: Apache-2.0
"""Messages of other projects' protocols, compiled from what this directory writes down of them."""
from __future__ import annotations

import functools
import importlib.util
import pathlib
import subprocess
import tempfile
import types

HERE = pathlib.Path(__file__).resolve().parent


@functools.cache
def compiled(name: str) -> types.ModuleType:
    """The messages of `<name>.proto` as Python classes."""
    with tempfile.TemporaryDirectory() as directory:
        subprocess.run(["protoc", f"-I{HERE}", f"--python_out={directory}", f"{name}.proto"], check=True)
        specification = importlib.util.spec_from_file_location(f"{name}_pb2", f"{directory}/{name}_pb2.py")
        assert specification and specification.loader
        module = importlib.util.module_from_spec(specification)
        specification.loader.exec_module(module)
    return module
