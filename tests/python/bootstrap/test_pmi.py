# SPDX-License-Identifier: BSD-3-Clause
"""The process manager's words, spoken to over plain sockets. Worlds are formed in session/."""

import asyncio
import contextlib

import pytest
from matrass.bootstrap.pmi import PmiServer, process_mapping


class Client:
    """One rank's side of PMI-1."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer

    @classmethod
    async def connect(cls, port):
        host, number = port.split(":")
        return cls(*await asyncio.open_connection(host, int(number)))

    def say(self, words):
        self.writer.write(f"{words}\n".encode())

    async def hear(self):
        return (await asyncio.wait_for(self.reader.readline(), 5)).decode().rstrip("\n")

    async def ask(self, words):
        self.say(words)
        return await self.hear()


@contextlib.asynccontextmanager
async def members(nodes):
    """A server, its port and a connection for each rank; all are closed at the end."""
    server = PmiServer(nodes)
    port = await server.listen()
    clients = [await Client.connect(port) for _ in nodes]
    try:
        yield port, clients
    finally:
        server.close()
        for client in clients:
            client.writer.close()
            with contextlib.suppress(ConnectionError):
                await client.writer.wait_closed()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.gather(*others)


def test_mapping_has_a_block_for_each_run_of_equal_nodes():
    assert process_mapping(["a"]) == "(vector,(0,1,1))"
    assert process_mapping(["a"] * 4 + ["b"] * 2) == "(vector,(0,1,4),(1,1,2))"
    assert process_mapping(["b", "a", "b", "b"]) == "(vector,(0,1,1),(1,1,1),(0,1,2))"


def test_ranks_exchange_values_at_a_barrier():
    async def world():
        async with members(["one", "one", "two"]) as (_, clients):
            for rank, client in enumerate(clients):
                client.say(f"cmd=initack pmiid={rank}")
                lines = [await client.hear() for _ in range(4)]
                assert lines == [
                    "cmd=initack",
                    "cmd=set size=3",
                    f"cmd=set rank={rank}",
                    "cmd=set debug=0",
                ]
                told = await client.ask("cmd=init pmi_version=1 pmi_subversion=1")
                assert told == "cmd=response_to_init pmi_version=1 pmi_subversion=1 rc=0"
                kvs = (await client.ask("cmd=get_my_kvsname")).split("kvsname=")[1]
                put = f"cmd=put kvsname={kvs} key=card-{rank} value=address={rank}"
                assert await client.ask(put) == "cmd=put_result rc=0 msg=success"
            for client in clients[:2]:
                client.say("cmd=barrier_in")
            with pytest.raises(asyncio.TimeoutError):  # not before all are there
                await asyncio.wait_for(clients[0].reader.readline(), 0.1)
            clients[2].say("cmd=barrier_in")
            for client in clients:
                assert await client.hear() == "cmd=barrier_out rc=0"
            other = await clients[0].ask(f"cmd=get kvsname={kvs} key=card-2")
            assert other == "cmd=get_result rc=0 msg=success value=address=2"
            mapping = await clients[1].ask(f"cmd=get kvsname={kvs} key=PMI_process_mapping")
            assert mapping.endswith("value=(vector,(0,1,2),(1,1,1))")
            missing = await clients[1].ask(f"cmd=get kvsname={kvs} key=nothing")
            assert missing.startswith("cmd=get_result rc=-1")
            assert await clients[2].ask("cmd=finalize") == "cmd=finalize_ack"

    asyncio.run(world())


def test_a_member_that_goes_takes_the_others_along():
    async def world():
        async with members(["one"] * 2) as (_, clients):
            await clients[0].ask("cmd=get_maxes")
            clients[1].writer.close()
            assert await clients[0].hear() == ""  # the end of the connection

    asyncio.run(world())


def test_a_rank_is_taken_once_and_nobody_comes_late():
    async def world():
        async with members(["one"] * 2) as (port, clients):
            with pytest.raises(ConnectionRefusedError):
                await Client.connect(port)
            for client in clients:
                client.say("cmd=initack pmiid=0")
            assert await clients[0].hear() == "cmd=initack"
            assert await clients[1].hear() == ""

    asyncio.run(world())
