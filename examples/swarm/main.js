/**
 * A swarm on one machine: NODES nodes that share a port, as they share an address behind the balancer of Docker Swarm or Kubernetes. A node that ends
 * is replaced. SIGHUP replaces all of them, one after the other.
 */
import cluster from 'node:cluster';
import { once } from 'node:events';
import { join } from 'node:path';

const count = Number(process.env.NODES ?? 4);
let stopping = false;
let number = 0;

cluster.setupPrimary({ exec: join(import.meta.dirname, 'node.js') });

/** Starts a node; resolves when it serves. */
async function add() {
  const name = `node-${++number}`;
  const worker = cluster.fork({ NODE_NAME: name, MAY_END: '1' });
  worker.once('exit', (code, signal) => {
    console.log(`${name} ended with ${signal ?? code}`);
    // One that cannot start would be started again and again.
    if (!stopping && !worker.isReplaced) setTimeout(() => stopping || add(), worker.hasServed ? 0 : 1_000);
  });
  const [message] = await Promise.race([once(worker, 'message'), once(worker, 'exit')]);
  if (message?.url === undefined) return undefined;
  worker.hasServed = true;
  console.log(`${name} is process ${worker.process.pid}`);
  return message.url;
}

let replacing = false;
async function replaceAll() {
  if (replacing) return;
  replacing = true;
  for (const worker of Object.values(cluster.workers)) {
    // The next one serves before this one goes.
    worker.isReplaced = true;
    await add();
    const ended = once(worker, 'exit');
    worker.process.kill('SIGTERM');
    await ended;
  }
  replacing = false;
}

async function stop() {
  if (stopping) return;
  stopping = true;
  const workers = Object.values(cluster.workers);
  await Promise.all(
    workers.map((worker) => {
      const ended = once(worker, 'exit');
      worker.process.kill('SIGTERM');
      return ended;
    }),
  );
}
process.on('SIGINT', stop).on('SIGTERM', stop).on('SIGHUP', replaceAll);

const [url] = await Promise.all(Array.from({ length: count }, add));
if (url === undefined) process.exitCode = 1;
else console.log(`open ${url}`);
