"""Waiting, in a kernel made ready beforehand, for the viewer it will serve."""

from __future__ import annotations

import asyncio
import json
import os
from threading import Thread

_ATTEMPTS, _PAUSE_S = 120, 0.5


def await_viewer() -> str:
    """Wait until Voilà gives this kernel to a viewer, and return the query string of the viewer's address.

    Outside a kernel that Voilà made ready it returns at once. To be called after everything that is heavy.

    Returns
    -------
    str
        As the browser sent it: hostile until `state.read_query` has read it.

    Notes
    -----
    The same conversation as `voila.utils.wait_for_request`, which would cost each kernel 32 MB and a second
    of imports, and which forgets the address without a word when its connection breaks.
    """
    if os.environ.get("VOILA_PREHEAT") == "True" and "QUERY_STRING" not in os.environ:
        listener = Thread(target=lambda: asyncio.run(_listen()))  # this thread's own loop is busy: it runs us
        listener.start()
        listener.join()
    return os.environ.get("QUERY_STRING", "")


async def _listen() -> None:
    from tornado.iostream import StreamClosedError
    from tornado.websocket import WebSocketError, websocket_connect

    port, prefix = os.environ.get("VOILA_APP_PORT", ""), os.environ.get("VOILA_SERVER_URL", "/")
    url = f"ws://127.0.0.1:{port}{prefix}voila/query/{os.environ.get('VOILA_KERNEL_ID', '')}"
    for _ in range(_ATTEMPTS):
        try:
            connection = await websocket_connect(url)
            message = await connection.read_message()
        except (OSError, StreamClosedError, WebSocketError):
            message = None
        if message is not None:
            os.environ.update(json.loads(message))
            return
        await asyncio.sleep(_PAUSE_S)
