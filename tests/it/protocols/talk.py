"""Talks with the package `websockets`, as bots do: talk.py URL [CA]. Prints `fine` at the end."""
import asyncio
import json
import ssl
import sys

import websockets

url = sys.argv[1]
options = {"ssl": ssl.create_default_context(cafile=sys.argv[2])} if len(sys.argv) > 2 else {}


async def next_with(client, **wanted):
    """The next message with these fields."""
    while True:
        told = json.loads(await asyncio.wait_for(client.recv(), 15))
        if all(told.get(name) == value for name, value in wanted.items()):
            return told


async def code_of(client):
    """The code that the server closes with."""
    try:
        while True:
            await asyncio.wait_for(client.recv(), 15)
    except websockets.exceptions.ConnectionClosed as end:
        return end.rcvd.code


async def talk():
    async with websockets.connect(url, **options) as ann, websockets.connect(url, **options) as bob:
        # First of all, who one is.
        assert json.loads(await ann.recv())["type"] == "you"
        assert json.loads(await bob.recv())["type"] == "you"
        await ann.send("/nick ann")
        await next_with(ann, type="you", name="ann")
        await bob.send("/nick bob")
        await next_with(bob, type="you", name="bob")
        # Text in one piece, in several, and long.
        await ann.send("hi")
        first = await next_with(bob, type="say", **{"from": "ann"})
        assert first["text"] == "hi" and first["room"] == "lobby", first
        assert (await next_with(ann, type="say"))["id"] == first["id"]
        await ann.send(["in ", "three ", "pieces"])
        assert (await next_with(bob, type="say"))["text"] == "in three pieces"
        await ann.send("/me waves")
        assert (await next_with(bob, type="me"))["text"] == "waves"
        await ann.send("x" * 1000)
        assert (await next_with(bob, type="say"))["text"] == "x" * 1000
        await ann.send("x" * 100_000)
        await next_with(ann, type="notice")
        await ann.send("/msg bob psst")
        for client in (ann, bob):
            private = await next_with(client, type="private")
            assert private == {"type": "private", "from": "ann", "to": "bob", "text": "psst"}, private
        pong = await ann.ping(b"there?")
        await asyncio.wait_for(pong, 15)
        await ann.send("/who")
        names = await next_with(ann, type="names")
        assert {"ann", "bob"} <= set(names["names"]), names
        # A binary message, and the end by a command.
        await ann.send(b"\0\1")
        assert await code_of(ann) == 1003
        await next_with(bob, type="left", name="ann")
        await bob.send("/quit")
        assert await code_of(bob) == 1000
    # Back, with what was missed.
    async with websockets.connect(f"{url}?since={first['id']}", **options) as ann:
        assert (await next_with(ann, type="say"))["text"] == "in three pieces"
    # From a page of another host: refused.
    try:
        async with websockets.connect(url, origin="http://evil.example", **options):
            raise AssertionError("taken")
    except websockets.exceptions.WebSocketException as refusal:
        assert "403" in str(refusal), refusal


asyncio.run(asyncio.wait_for(talk(), 60))
print("fine")
