"""A Celery application: publishes for a while, runs tasks that do nothing, or those of a small tenant behind another's many. Prints the rate, or the wait."""
import multiprocessing
import math
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


# Of the small tenant's tasks, in milliseconds.
small = 10
waits = multiprocessing.Array("d", small)
waited = multiprocessing.Value("i", 0)


@app.task(name="turn")
def turn(milliseconds, sent):
    if sent:
        with waited.get_lock():
            waits[waited.value] = (time.monotonic() - sent) * 1000
            waited.value += 1
    with done.get_lock():
        done.value += 1
    time.sleep(milliseconds / 1000)


def empty():
    with app.connection_for_write() as connection:
        for name in (queue, queue + ".small"):
            bound = app.amqp.queues[name](connection.default_channel)
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
        end((expected - 1) / (last.value - first.value))

    threading.Thread(target=watch, daemon=True).start()
    run(queue)


def share(flood):
    """A queue for each of two tenants, and how long the small one's tasks wait, in times that a task takes."""
    filler = Celery("filler", broker=url)
    for _ in range(flood):
        filler.send_task("turn", args=(size, 0), queue=queue)

    def watch():
        while done.value < parallel * 10:
            time.sleep(0.005)
        for _ in range(small):
            filler.send_task("turn", args=(size, time.monotonic()), queue=queue + ".small")
        while waited.value < small:
            time.sleep(0.005)
        end(sorted(waits)[math.ceil(small * 0.95) - 1] / size)

    threading.Thread(target=watch, daemon=True).start()
    run(queue + "," + queue + ".small")


def end(figure):
    print("rate", figure, flush=True)
    # Asked to shut down it stands still at times (5.2.6), with all its tasks done.
    for process in billiard.active_children():
        process.terminate()
    os._exit(0)


def run(queues):
    # As the documentation advises where the workers need not know of each other.
    app.worker_main(["worker", "-Q", queues, "--pool", "prefork", "--concurrency", str(parallel), "--loglevel", "ERROR",
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
elif verb == "share":
    share(int(amount))
else:
    work(int(amount))
