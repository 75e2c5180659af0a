"""Sends texts to a durable queue with pika, as a producer that knows nothing of WorkQueue: URL QUEUE COUNT"""
import sys

import pika

url, queue, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
connection = pika.BlockingConnection(pika.URLParameters(url))
channel = connection.channel()
channel.queue_declare(queue=queue, durable=True)
for number in range(count):
    channel.basic_publish(
        exchange="",
        routing_key=queue,
        body=f"pika {number}",
        properties=pika.BasicProperties(delivery_mode=2),
    )
connection.close()
