"""The Python a report runs in: this very one, without the reader's settings, reached by nobody else."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from flipstats.display import IN_REPORT


def private_kernel(scratch: Path) -> type:
    """Return a kernel manager whose kernels run this interpreter and live in `scratch`.

    A kernel named ``python3`` may belong to another environment, without flipstats; what goes over a TCP port
    can be read by others on the machine, so files of `scratch` are used where the system has them.
    """
    from jupyter_client import AsyncKernelManager
    from jupyter_client.kernelspec import KernelSpec
    from traitlets import default

    spec = KernelSpec(
        argv=[sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        display_name="Python 3",
        language="python",
        env={
            IN_REPORT: "1",
            "IPYTHONDIR": str(scratch / "ipython"),
            "PLOTLY_RENDERER": "plotly_mimetype",
            "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        },
    )

    class PrivateKernel(AsyncKernelManager):
        @property
        def kernel_spec(self) -> KernelSpec:
            return spec

        @default("transport")
        def _transport(self) -> str:
            return "ipc" if os.name == "posix" else "tcp"

        @default("connection_file")
        def _connection_file(self) -> str:
            return str(scratch / "kernel.json")

    return PrivateKernel
