# Sends texts with Python's websockets, and writes what comes back.
import asyncio
import sys

import websockets


async def main():
    async with websockets.connect(sys.argv[1]) as socket:
        for text in sys.argv[2:]:
            await socket.send(text)
        for _ in sys.argv[2:]:
            print(await socket.recv())


asyncio.run(main())
