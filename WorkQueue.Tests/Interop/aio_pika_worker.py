"""Takes texts from a durable queue with aio-pika, one at a time, and prints them until it is killed: URL QUEUE"""
import asyncio
import sys

import aio_pika


async def main(url, queue):
    connection = await aio_pika.connect(url)
    async with connection:
        channel = await connection.channel()
        await channel.set_qos(prefetch_count=1)
        tasks = await channel.declare_queue(queue, durable=True)
        async with tasks.iterator() as messages:
            async for message in messages:
                async with message.process():
                    print(message.body.decode(), flush=True)


asyncio.run(main(sys.argv[1], sys.argv[2]))
