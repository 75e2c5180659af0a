"""A Celery application: publishes for a while, or runs tasks that do nothing. Prints the rate."""
import multiprocessing
import os
import sys
import threading
import time

import billiard
from celery import Celery

verb, parallel, size, amount = sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), float(sys.argv[5])
url, queue = sys.argv[1], "celery.tasks"
app = Celery("benchmark", broker=url)
app.conf.update(
    task_default_queue=queue,
    task_ignore_result=True,
    task_acks_late=True,
    worker_prefetch_multiplier=1,
    broker_transport_options={"confirm_publish": True},
    # A connection for each thread that publishes.
    broker_pool_limit=parallel,
    worker_redirect_stdouts=False,
)

# Shared with the pool's processes, which are forked.
done = multiprocessing.Value("i", 0)
first = multiprocessing.Value("d", 0.0, lock=False)
last = multiprocessing.Value("d", 0.0, lock=False)


@app.task(name="noop")
def noop(payload):
    with done.get_lock():
        done.value += 1
        last.value = time.monotonic()
        if done.value == 1:
            first.value = last.value


def empty():
    with app.connection_for_write() as connection:
        bound = app.amqp.queues[queue](connection.default_channel)
        bound.declare()
        bound.purge()


def publish(seconds):
    counts = [0] * parallel
    ended = threading.Event()

    def call(number):
        payload = "x" * size
        while not ended.is_set():
            noop.delay(payload)
            counts[number] += 1

    threads = [threading.Thread(target=call, args=(number,)) for number in range(parallel)]
    for thread in threads:
        thread.start()
    time.sleep(seconds / 4)
    before, start = sum(counts), time.monotonic()
    time.sleep(seconds)
    rate = (sum(counts) - before) / (time.monotonic() - start)
    ended.set()
    for thread in threads:
        thread.join()
    return rate


def work(expected):
    # Filled without confirms: only the running is measured.
    filler = Celery("filler", broker=url)
    filler.conf.task_default_queue = queue
    for _ in range(expected):
        filler.send_task("noop", args=("x" * size,))
    filler.close()

    def watch():
        while done.value < expected:
            time.sleep(0.005)
        print("rate", (expected - 1) / (last.value - first.value), flush=True)
        # Asked to shut down it stands still at times (5.2.6), with all its tasks done.
        for process in billiard.active_children():
            process.terminate()
        os._exit(0)

    threading.Thread(target=watch, daemon=True).start()
    # As the documentation advises where the workers need not know of each other.
    app.worker_main(["worker", "--pool", "prefork", "--concurrency", str(parallel), "--loglevel", "ERROR",
                     "--without-gossip", "--without-mingle", "--without-heartbeat", "-O", "fair"])


def end_with_parent():
    # Not sys.stdin, whose lock would be held when the interpreter ends.
    while os.read(0, 1024):
        pass
    os._exit(1)


threading.Thread(target=end_with_parent, daemon=True).start()
empty()
if verb == "publish":
    print("rate", publish(amount), flush=True)
    empty()
else:
    work(int(amount))
