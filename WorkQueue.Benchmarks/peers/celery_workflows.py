"""A Celery application: runs tasks, chains, a group, a chord or what beat sends, all of which do nothing. Prints the rate, or what beat did."""
import multiprocessing
import os
import sys
import tempfile
import threading
import time

import billiard
from celery import Celery, beat, chain, chord, group, signals

url, results, verb = sys.argv[1:4]
slots, threads, count, length = (int(argument) for argument in sys.argv[4:8])
queue = "celery.workflows"
payload = "x" * 100
expected = count + 1 if verb == "chord" else count

app = Celery("benchmark", broker=url, backend=results)
app.conf.update(
    task_default_queue=queue,
    task_acks_late=True,
    # A chord counts by the results of its tasks; nothing else needs them.
    task_ignore_result=verb != "chord",
    worker_prefetch_multiplier=1,
    broker_transport_options={"confirm_publish": True},
    broker_pool_limit=threads,
    worker_redirect_stdouts=False,
)

# Shared with all processes, which are forked.
done = multiprocessing.Value("i", 0)
begun = multiprocessing.Value("d", 0.0)
last = multiprocessing.Value("d", 0.0, lock=False)
ready = multiprocessing.Event()
SEEN = 64
seen = multiprocessing.Array("i", count)
times = multiprocessing.Array("d", count * SEEN, lock=False)


@app.task(name="noop")
def noop(text):
    with done.get_lock():
        done.value += 1
        last.value = time.monotonic()


@app.task(name="tick")
def tick(number):
    with seen.get_lock():
        times[number * SEEN + seen[number]] = time.monotonic()
        seen[number] += 1


def empty():
    with app.connection_for_write() as connection:
        bound = app.amqp.queues[queue](connection.default_channel)
        bound.declare()
        bound.purge()


def on_threads(times_each, act):
    def call():
        for _ in range(times_each):
            act()

    callers = [threading.Thread(target=call) for _ in range(threads)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()


def enqueue():
    ready.wait()
    begun.value = time.monotonic()
    if verb == "chain":
        steps = chain([noop.si(payload) for _ in range(length)]) if length > 1 else noop.si(payload)
        on_threads(count // length // threads, steps.apply_async)
    elif verb == "group":
        group([noop.si(payload) for _ in range(count)]).apply_async()
    elif verb == "chord":
        chord([noop.si(payload) for _ in range(count)])(noop.si(payload))


def schedule():
    ready.wait()
    app.conf.beat_schedule = {str(number): {"task": "tick", "schedule": 1.0, "args": (number,)} for number in range(count)}
    with tempfile.TemporaryDirectory() as folder:
        beat.Service(app, schedule_filename=os.path.join(folder, "schedule")).start()


def watch():
    while done.value < expected:
        time.sleep(0.005)
    end("rate", expected / (last.value - begun.value))


def watch_ticks():
    while not all(seen):
        time.sleep(0.005)
    # As the others: what is due on the second is not to be cut by the ends of the time.
    time.sleep(0.5)
    start = time.monotonic()
    time.sleep(length)
    stop = time.monotonic()
    runs = [[at for at in times[number * SEEN:number * SEEN + seen[number]] if at <= stop] for number in range(count)]
    ran = sum(1 for moments in runs for at in moments if at > start)
    gaps = (after - before for moments in runs for before, after in zip(moments, moments[1:] + [stop]) if after > start)
    end("rate", ran / ((stop - start) * count), max(gaps) * 1000)


def end(*words):
    print(*words, flush=True)
    # Asked to shut down it stands still at times (5.2.6), with all its tasks done.
    for process in billiard.active_children():
        process.terminate()
    other.terminate()
    os._exit(0)


def end_with_parent():
    # Not sys.stdin, whose lock would be held when the interpreter ends.
    while os.read(0, 1024):
        pass
    other.kill()
    os._exit(1)


empty()
other = multiprocessing.Process(target=schedule if verb == "beat" else enqueue, daemon=True)
other.start()
threading.Thread(target=end_with_parent, daemon=True).start()
threading.Thread(target=watch_ticks if verb == "beat" else watch, daemon=True).start()
signals.worker_ready.connect(lambda **_: ready.set(), weak=False)
app.worker_main(["worker", "--pool", "prefork", "--concurrency", str(slots), "--loglevel", "ERROR",
                 "--without-gossip", "--without-mingle", "--without-heartbeat", "-O", "fair"])
