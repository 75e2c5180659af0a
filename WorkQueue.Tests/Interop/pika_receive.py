"""Prints what comes by a topic exchange with pika, until it is killed: URL EXCHANGE PATTERN..."""
import sys

import pika

url, exchange = sys.argv[1:3]
connection = pika.BlockingConnection(pika.URLParameters(url))
channel = connection.channel()
channel.exchange_declare(exchange=exchange, exchange_type="topic", durable=True)
queue = channel.queue_declare(queue="", exclusive=True).method.queue
for pattern in sys.argv[3:]:
    channel.queue_bind(exchange=exchange, queue=queue, routing_key=pattern)
print("listening", flush=True)


def on_message(ch, method, properties, body):
    print(f"{method.routing_key} {body.decode()}", flush=True)


channel.basic_consume(queue=queue, on_message_callback=on_message, auto_ack=True)
channel.start_consuming()
