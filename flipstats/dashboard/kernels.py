"""The kernels of a page, as their server stops: without a word of theirs on the terminal."""

from __future__ import annotations

from jupyter_server.services.kernels.kernelmanager import ServerKernelManager


class Quiet(ServerKernelManager):
    """Asks a kernel to end, and does not interrupt it first: one still starting would print where it was."""

    async def _async_interrupt_kernel(self) -> None:
        if not self.shutting_down:
            await super()._async_interrupt_kernel()
