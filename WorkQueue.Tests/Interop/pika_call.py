"""Sends one text and waits for the answer on an exclusive queue, with pika, and prints it: URL QUEUE TEXT"""
import sys
import uuid

import pika

url, queue, text = sys.argv[1:4]
connection = pika.BlockingConnection(pika.URLParameters(url))
channel = connection.channel()
replies = channel.queue_declare(queue="", exclusive=True).method.queue
call = str(uuid.uuid4())


def on_reply(ch, method, properties, body):
    if properties.correlation_id == call:
        print(body.decode(), flush=True)
        ch.stop_consuming()


channel.basic_consume(queue=replies, on_message_callback=on_reply, auto_ack=True)
channel.basic_publish(
    exchange="",
    routing_key=queue,
    body=text,
    properties=pika.BasicProperties(reply_to=replies, correlation_id=call),
)
channel.start_consuming()
connection.close()
