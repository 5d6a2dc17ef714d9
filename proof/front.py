"""What stands before Jira, as a process to be killed: ``python -m proof.front PORT TARGET [SECONDS]``.

TARGET is a port of this machine or the path of a socket. SECONDS, if given, is how long everything takes
that is sent to the target, as on the way to another machine.

It passes bytes on, also as a forward proxy: the simulated Jira takes the whole address that a request to
a proxy names. Killing it cuts every call under way, some of them after the work was done, and
refuses new ones: what a killed Jira looks like from outside, whose tickets live in its database.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys


async def _copy(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay: float = 0.0
) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            if delay:
                await asyncio.sleep(delay)
            writer.write(data)
            await writer.drain()
    with contextlib.suppress(OSError):
        writer.close()


async def serve(port: int, target: str, delay: float = 0.0) -> None:
    """Pass connections on until killed; prints the port."""

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if target.isdecimal():
                there, back = await asyncio.open_connection("127.0.0.1", int(target))
            else:
                there, back = await asyncio.open_unix_connection(target)
        except OSError:
            writer.close()
            return
        await asyncio.gather(_copy(reader, back, delay), _copy(there, writer))

    listening = socket.create_server(("127.0.0.1", port), backlog=256)
    server = await asyncio.start_server(pass_on, sock=listening)
    print("port", listening.getsockname()[1], flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), sys.argv[2], *map(float, sys.argv[3:])))
