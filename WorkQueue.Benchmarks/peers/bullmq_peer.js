// BullMQ: adds jobs for a while, runs jobs that do nothing, or those of a small tenant behind another's many. Prints the rate, or the wait.
"use strict";
const { setTimeout: sleep } = require("node:timers/promises");
const { Queue, Worker } = require("bullmq");

const [port, verb] = process.argv.slice(2, 4);
const [parallel, size, amount] = process.argv.slice(4).map(Number);
const connection = { host: "127.0.0.1", port: Number(port), maxRetriesPerRequest: null };
// What is done leaves nothing behind, as a message that is acknowledged.
const defaultJobOptions = { removeOnComplete: true };
const now = () => performance.now() / 1000;

async function emptied(name) {
  const queue = new Queue(name, { connection, defaultJobOptions });
  await queue.waitUntilReady();
  await queue.obliterate({ force: true });
  return queue;
}

async function fill(queue, count, data) {
  const jobs = Array.from({ length: count }, () => ({ name: "noop", data }));
  for (let start = 0; start < count; start += 1000) {
    await queue.addBulk(jobs.slice(start, start + 1000));
  }
}

async function publish(seconds) {
  const queue = await emptied("publish");
  const payload = "x".repeat(size);
  let added = 0, ended = false;
  const callers = Array.from({ length: parallel }, async () => {
    for (; !ended; added++) {
      await queue.add("noop", { payload });
    }
  });
  await sleep(seconds * 250);
  const before = added, start = now();
  await sleep(seconds * 1000);
  const rate = (added - before) / (now() - start);
  ended = true;
  await Promise.all(callers);
  await queue.obliterate({ force: true });
  return rate;
}

// The first quarter warms up.
async function work(count) {
  const queue = await emptied("work"), warmUp = Math.floor(count / 4);
  await fill(queue, count, { payload: "x".repeat(size) });
  return new Promise((resolve) => {
    let done = 0, first;
    new Worker(queue.name, async () => {
      if (++done === warmUp + 1) {
        first = now();
      } else if (done === count) {
        resolve((count - warmUp - 1) / (now() - first));
      }
    }, { connection, concurrency: parallel });
  });
}

// A queue for each tenant, and a worker of half of the slots for each queue: groups within one queue are sold.
async function share(flood) {
  const small = 10, waits = [];
  const [many, few] = [await emptied("many"), await emptied("few")];
  await fill(many, flood, {});
  let begun = 0, tell;
  const all = new Promise((resolve) => { tell = resolve; });
  const turn = async (job) => {
    if (job.data.sent) {
      waits.push(now() - job.data.sent);
    }
    begun++;
    await sleep(size);
    if (waits.length === small) {
      tell();
    }
  };
  for (const queue of [many, few]) {
    new Worker(queue.name, turn, { connection, concurrency: parallel / 2 });
  }
  while (begun < parallel * 10) {
    await sleep(5);
  }
  await Promise.all(Array.from({ length: small }, () => few.add("noop", { sent: now() })));
  await all;
  return waits.sort((a, b) => a - b)[Math.ceil(small * 0.95) - 1] / (size / 1000);
}

// Its input ends with whoever started it.
process.stdin.on("end", () => process.exit(1)).resume();
({ publish, work, share })[verb](amount).then((figure) => {
  console.log("rate", figure);
  process.exit(0);
}, (failure) => {
  console.error(failure);
  process.exit(1);
});
