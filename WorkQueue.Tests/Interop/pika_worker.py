"""Takes texts from a durable queue with pika, one at a time, and prints them until it is killed: URL QUEUE"""
import sys

import pika

url, queue = sys.argv[1], sys.argv[2]
connection = pika.BlockingConnection(pika.URLParameters(url))
channel = connection.channel()
channel.queue_declare(queue=queue, durable=True)
channel.basic_qos(prefetch_count=1)


def on_message(ch, method, properties, body):
    print(body.decode(), flush=True)
    ch.basic_ack(delivery_tag=method.delivery_tag)


channel.basic_consume(queue=queue, on_message_callback=on_message)
channel.start_consuming()
