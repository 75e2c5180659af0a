"""
Sends messages that no tutorial would, as pika or aio-pika writes them: URL LIBRARY ADOPTED PREFIX [KIND | NUMBER...]
Message by message, in an order that never changes, it prints which it was and whether the broker took it. KIND "unreadable" is of those that
end the connection of whoever they are delivered to; numbers send some of the others alone.
"""
import asyncio
import datetime
import gzip
import json
import sys
from decimal import Decimal

import aio_pika
import pika

COUNT = 300
REPEATED = "repeated-id"


def nest(depth, as_list=False):
    value = "bottom"
    for _ in range(depth):
        value = [value] if as_list else {"in": value}
    return value


def death(**entries):
    return {"count": 1, "reason": "rejected", "queue": "elsewhere", "exchange": "", "routing-keys": ["elsewhere"], **entries}


# A value may be a function of the message's marker, which is to be found in it whatever is odd.
SHORT = ["", "x" * 255, "ö✓" * 40, "a/b.c d\n\t\0", b"\xff" * 255]
PROPERTIES = {
    "body": [
        lambda m: b"", lambda m: m.encode(), lambda m: b"null", lambda m: b"true", lambda m: b"1e999", lambda m: b"-0", lambda m: b'""',
        lambda m: f'["{m}"]'.encode(), lambda m: f'{{"text":"{m}"}}'.encode(), lambda m: f'{{"text":1,"text":"{m}"}}'.encode(),
        lambda m: f'"{m} \\u0000 \\ud83d\\ude00"'.encode(), lambda m: f'"{m} \\ud800"'.encode(), lambda m: b"[" * 1000 + b"]" * 1000,
        lambda m: f'{{"text":"{m}'.encode(), lambda m: f'"{m}",'.encode(), lambda m: f'"{m}" // why'.encode(), lambda m: f'  "{m}"\r\n'.encode(),
        lambda m: b"\xef\xbb\xbf" + f'"{m}"'.encode(), lambda m: f'"{m}"'.encode("utf-16"), lambda m: f'"{m} '.encode() + b'\xff\xfe"',
        lambda m: f'"{m} '.encode() + b'\xc0\xaf\xed\xa0\x80"', lambda m: bytes(range(256)), lambda m: gzip.compress(m.encode(), mtime=0), lambda m: f'"{m} {"x" * 300 * 1024}"'.encode(),
    ],
    "type": ["", "None", "x" * 255, "a/b", "a.b", "a b", "ö✓", "probe\0", "*", "#", b"\xff" * 255, "simulate"],
    "message_id": [
        "", REPEATED, lambda m: m + "x" * (255 - len(m)), lambda m: f"{m}/a/b", lambda m: f"../{m}.a..b", lambda m: f"  {m} a ", lambda m: f"ö✓ {m}", lambda m: f"{m}\0\r\n",
        lambda m: m.encode() + b"\xff" * (255 - len(m)), lambda m: f"ffffffff-ffff-7fff-bfff-{m[-3:].zfill(12)}", lambda m: f"0192ABCD-0000-7000-8000-{m[-3:].zfill(12)}",
        lambda m: f"<{m}>&?#%00",
    ],
    "content_type": ["", "text/plain", "application/json; charset=utf-16", "APPLICATION/JSON", "application/problem+json", "/", ";", "x" * 255, b"\xff" * 255],
    "content_encoding": ["", "utf-8", "gzip", "br", "identity", "x" * 255, b"\xff"],
    "correlation_id": SHORT,
    "reply_to": [*SHORT, "nowhere", "amq.rabbitmq.reply-to", "amq.rabbitmq.reply-to.g1h2.nobody"],
    "app_id": SHORT,
    "cluster_id": ["", "x" * 255, b"\xff"],
    "user_id": ["", "somebody else", lambda m: USER],
    "priority": [0, 1, 9, 255],
    "delivery_mode": [0, 1, 2, 255],
    "timestamp": [0, 1, 2**31, 253402300799, 253402300800, 2**63 - 1, 2**63, 2**64 - 1],
    "expiration": ["0", "1", "500", "60000", "4294967295", "", "-1", "soon"],
}
# Not here, because they are asked for and done: a task of the year 9999 (wq-not-before) waits on the ladder.
HEADERS = {
    "x-odd": [
        True, False, 0, -128, 255, -2**15, 2**16 - 1, -2**31, 2**31 - 1, 2**32 - 1, -2**63, 2**63 - 1, Decimal("1.50"), Decimal("-2147483648"), Decimal("1E-28"),
        1.5, float("nan"), float("inf"), datetime.datetime(1970, 1, 1), datetime.datetime(9999, 12, 31, 23, 59, 59), None, "", "ö✓", "x" * 256, "x" * 40_000, "x" * 200_000, "a\0b",
        b"\xff\xfe", bytes(range(256)) * 100, {}, [], nest(5), nest(200), nest(200, as_list=True), [None, 1, True, "x", {"a": [Decimal("1.5"), None]}], {"a": Decimal("0.1"), "b": {"c": []}},
        [1.5, float("-inf")],
    ],
    "": [1],
    "x" * 128: ["x"],
    "y" * 255: ["y"],
    "ö✓": ["ö"],
    "wq-attempt": [0, -1, 2, 100, 2**31 - 1, 2**63 - 1, "two", "2", None, [1], {"a": 1}, b"\xff", True],
    "wq-queue": ["nowhere", 1, "", ["default"], b"\xff", "a.b"],
    "wq-not-before": ["soon", 1, "0001-01-01T00:00:00Z", "2026-99-99T99:99:99Z", {"a": 1}],
    "wq-deadline": ["late", -1, "0001-01-01T00:00:00Z", "2001-01-01T00:00:00Z", "9999-12-31T23:59:59.9999999Z", [], ""],
    "wq-redriven": [-1, 3, 2**63 - 1, "often"],
    "wq-returned": [-1, 1, 2**31, "x"],
    "wq-earlier-deliveries": [-1, 1, 2**63 - 1, {}],
    "wq-at": [-1, 1, 2**63 - 1, "now"],
    "wq-reason": ["because", 1, "x" * 5000],
    "wq-error": [["x"], b"\xff" * 2000],
    "wq-dead-at": ["never", "2001-01-01T00:00:00Z"],
    "wq-worker": ["nobody", 1],
    "wq-started-at": ["x", 2**63 - 1],
    "wq-topic": ["a.b", "task.default.probe.succeeded", ""],
    "wq-percent": [1000],
    "wq-run-of": ["x" * 600, 1],
    "traceparent": ["00-0-0-0", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", 1, "x" * 5000],
    "tracestate": ["=,=", "x" * 5000],
    "x-delivery-count": [1, 9_999, 2**63 - 1, -1, "x"],
    "x-acquired-count": [5, "x"],
    "x-death": [[], "x", [death()], [death(reason="expired", time=datetime.datetime(2001, 1, 1))], [1, "x"]],
    "x-first-death-reason": ["x", 1],
    "x-dotnet-pub-seq-no": ["x", b"\0" * 8],
    # To the other queue, the same one, nobody; and what is no list.
    "CC": [["other"], ["same"], ["nobody"], [], "other", [1]],
    "BCC": [["other"], ["same", "same"], ["nobody"], {"a": 1}],
}
ODD = [(name, value) for name, values in PROPERTIES.items() for value in values] + [(("header", name), value) for name, values in HEADERS.items() for value in values]


def library_of(name, value):
    """The one of the two that can write it; None for both."""
    if isinstance(value, float) or (isinstance(value, list) and any(isinstance(item, float) for item in value)):
        return "aio-pika"
    if isinstance(name, tuple):
        # aio-pika cuts the name, and never comes back from a small negative number.
        return "pika" if len(name[1]) > 128 or (type(value) is int and -128 <= value < 0) else None
    value = value("odd-000") if callable(value) and name != "body" else value
    drops = value == "" or (isinstance(value, bytes) and name != "body") or name == "cluster_id"
    beyond = (name == "timestamp" and not 0 < value < 253402300800) or (name == "delivery_mode" and value not in (1, 2)) or (name == "expiration" and not value.isdigit())
    return "pika" if drops or beyond else None


def go_together(one, other):
    libraries = {library_of(*one), library_of(*other)} - {None}
    # A redrive of an id that has a dead letter takes that from the board; it is not for others to say.
    forged = {one[0], other[0]} == {"message_id", ("header", "wq-redriven")} and REPEATED in (one[1], other[1])
    return one[0] != other[0] and len(libraries) < 2 and not forged


class Message:
    def __init__(self, number):
        self.number, self.marker = number, f"odd-{number:03}"
        turn, place = divmod(number, len(ODD))
        first = ODD[place]
        others = [other for other in ODD if go_together(first, other)]
        self.odd = [first, others[(number * 67 + turn * 31) % len(others)]]
        slot = (place + 3 * turn) % 8
        libraries = {library_of(*odd) for odd in self.odd} - {None}
        self.library = libraries.pop() if libraries else ("pika", "aio-pika")[slot // 4]
        self.queue, self.by_exchange = ("tutorial", "default")[slot % 2], slot % 4 > 1
        self.fill()

    def fill(self):
        # Every third one fails, and is moved with all that it has.
        text = f"{self.marker} fail" if self.number % 3 == 0 else self.marker
        self.properties = {"message_id": self.marker, "type": "probe", "delivery_mode": 2}
        self.headers, self.body = {}, json.dumps(text).encode()
        for name, value in self.odd:
            value = value(text if name == "body" else self.marker) if callable(value) else value
            if name == "body":
                self.body = value
            elif isinstance(name, tuple):
                self.headers[name[1]] = value
            else:
                self.properties[name] = value
        if self.body.startswith(b"\x1f\x8b"):
            self.properties.setdefault("content_encoding", "gzip")
        if self.marker.encode() not in as_bytes(self.properties["message_id"]) + self.body:
            self.properties["type"] = self.marker

    def address(self, adopted, prefix):
        keys = {"tutorial": "tutorial", "default": "default"} if self.by_exchange else {"tutorial": adopted, "default": f"{prefix}.default"}
        same, other = keys[self.queue], keys["default" if self.queue == "tutorial" else "tutorial"]
        for name in ("CC", "BCC"):
            if isinstance(self.headers.get(name), list):
                self.headers[name] = [{"same": same, "other": other}.get(key, key) for key in self.headers[name]]
        goes_twice = any(isinstance(self.headers.get(name), list) and other in self.headers[name] for name in ("CC", "BCC"))
        return f"{prefix}.tasks" if self.by_exchange else "", same, 2 if goes_twice else 1

    def report(self, copies, refusal):
        expiration = self.properties.get("expiration", "")
        return {
            "marker": self.marker, "isAccepted": refusal is None, "copies": copies, "queue": self.queue, "byExchange": self.by_exchange,
            "expires": expiration.isdigit() and int(expiration) < 10_000, "id": as_bytes(self.properties["message_id"]).decode(errors="replace"),
            "what": f"{self.library}: {', '.join(shown(name, value) for name, value in self.odd)}; {refusal or 'accepted'}",
        }


class Unreadable(Message):
    """A decimal with more places than a client's type has."""

    def __init__(self, number):
        self.number, self.marker, self.library = number, f"odd-{number:03}", "pika"
        self.odd = [(("header", "x-odd"), [Decimal("1E-29"), {"in": [Decimal("1E-200")]}][number // 2 % 2])]
        self.queue, self.by_exchange = ("tutorial", "default")[number % 2], False
        self.fill()


def as_bytes(text):
    return text if isinstance(text, bytes) else text.encode()


def shown(name, value):
    value = value("…") if callable(value) else value
    text = repr(value)
    return f"{name[1][:30] or '(no name)' if isinstance(name, tuple) else name}={text if len(text) < 60 else text[:50] + f'… ({len(text)})'}"


class Pika:
    def __init__(self, url):
        self.connection = pika.BlockingConnection(pika.URLParameters(url))
        self.channel = self.connection.channel()
        self.channel.confirm_delivery()

    def publish(self, exchange, key, message):
        self.channel.basic_publish(exchange, key, message.body, pika.BasicProperties(headers=message.headers, **message.properties), mandatory=True)

    def close(self):
        self.connection.close()


class AioPika:
    def __init__(self, url):
        self.loop = asyncio.new_event_loop()
        # What it says of a connection that the broker closed is said by the message that was refused.
        self.loop.set_exception_handler(lambda loop, context: None)
        self.loop.run_until_complete(self.open(url))

    async def open(self, url):
        self.connection = await aio_pika.connect(url)
        self.channel = await self.connection.channel(on_return_raises=True)

    def publish(self, exchange, key, message):
        self.loop.run_until_complete(asyncio.wait_for(self.send(exchange, key, message), 10))

    async def send(self, exchange, key, message):
        properties = dict(message.properties)
        if "expiration" in properties:
            properties["expiration"] = int(properties["expiration"]) / 1000
        written = aio_pika.Message(message.body, **properties)
        # Past its own conversion, to the types of AMQP.
        written.headers_raw.update((name, bytearray(value) if isinstance(value, bytes) else value) for name, value in message.headers.items())
        target = await self.channel.get_exchange(exchange, ensure=False) if exchange else self.channel.default_exchange
        await target.publish(written, key, mandatory=True)

    def close(self):
        self.loop.run_until_complete(asyncio.wait_for(self.connection.close(), 10))


url, library, adopted, prefix, *wanted = sys.argv[1:]
USER = pika.URLParameters(url).credentials.username
if wanted == ["unreadable"]:
    messages = [Unreadable(COUNT + number) for number in range(4)]
else:
    numbers = [int(number) for number in wanted] or range(COUNT)
    messages = [message for message in map(Message, numbers) if wanted or message.library == library]

client = None
for message in messages:
    if client is None:
        client = Pika(url) if message.library == "pika" else AioPika(url)
    exchange, key, copies = message.address(adopted, prefix)
    problem = None
    try:
        client.publish(exchange, key, message)
    # Whatever it is: also the cancellation with which aio-pika tells of a channel that the broker closed.
    except (Exception, asyncio.CancelledError) as failure:
        problem = f"refused: {failure!r}"[:200]
        try:
            client.close()
        except (Exception, asyncio.CancelledError):
            pass
        client = None
    print(json.dumps(message.report(copies, problem)), flush=True)
if client is not None:
    client.close()
