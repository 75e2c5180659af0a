"""Publishes texts to a topic exchange with pika: URL EXCHANGE TOPIC TEXT..."""
import sys

import pika

url, exchange, topic = sys.argv[1:4]
connection = pika.BlockingConnection(pika.URLParameters(url))
channel = connection.channel()
channel.exchange_declare(exchange=exchange, exchange_type="topic", durable=True)
for text in sys.argv[4:]:
    channel.basic_publish(exchange=exchange, routing_key=topic, body=text)
connection.close()
