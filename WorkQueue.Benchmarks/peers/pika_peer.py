"""The tutorials' new_task and worker with pika, on the benchmark's queue. Prints the rate."""
import sys
import time

import pika

url, verb, queue, size, amount = sys.argv[1:6]
connection = pika.BlockingConnection(pika.URLParameters(url))
channel = connection.channel()
channel.queue_declare(queue, durable=True, arguments={"x-queue-type": "quorum"})
persistent = pika.BasicProperties(delivery_mode=2)

if verb == "publish":
    # The tutorial's program with what makes it safe: each publish waits for its confirm.
    channel.queue_purge(queue)
    channel.confirm_delivery()
    body = b"x" * int(size)
    seconds = float(amount)
    count = 0
    start = time.monotonic()
    while time.monotonic() - start < seconds:
        channel.basic_publish("", queue, body, persistent, mandatory=True)
        count += 1
    print("rate", count / (time.monotonic() - start))
    channel.queue_purge(queue)
else:
    expected = int(amount)
    for _ in range(expected):
        channel.basic_publish("", queue, b"x" * int(size), persistent)
    connection.close()
    connection = pika.BlockingConnection(pika.URLParameters(url))
    channel = connection.channel()
    channel.basic_qos(prefetch_count=1)
    done = []

    def work(ch, method, properties, body):
        done.append(time.monotonic())
        ch.basic_ack(method.delivery_tag)
        if len(done) == expected:
            ch.stop_consuming()

    channel.basic_consume(queue, work)
    channel.start_consuming()
    print("rate", (expected - 1) / (done[-1] - done[0]))
connection.close()
