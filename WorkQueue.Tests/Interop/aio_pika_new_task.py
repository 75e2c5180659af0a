"""Sends texts to a durable queue with aio-pika, as a producer that knows nothing of WorkQueue: URL QUEUE COUNT"""
import asyncio
import sys

import aio_pika


async def main(url, queue, count):
    connection = await aio_pika.connect(url)
    async with connection:
        channel = await connection.channel()
        await channel.declare_queue(queue, durable=True)
        for number in range(count):
            message = aio_pika.Message(f"aio-pika {number}".encode(), delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
            await channel.default_exchange.publish(message, routing_key=queue)


asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
