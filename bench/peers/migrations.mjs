/**
 * A process of the benchmark of migrations: `node peers/migrations.mjs agent|push-server SETTINGS NAME [PORT...]`, with settings as JSON, and the
 * ports of an agent's targets. It is asked by messages and answers each with one.
 */
import { writeFileSync } from 'node:fs';
import { Session } from 'node:inspector/promises';
import { createLogger } from '@gopush/service';

const [kind, text, name, ...ports] = process.argv.slice(2);
const config = JSON.parse(text);
/** Pauses of clients in milliseconds, and clients that were cut, by cause. */
const seen = { pauses: [], firstAt: 0, lastAt: 0, cut: {} };
const warnings = {};
const profiler = new Session();
let profileFile;

/** Lines are written as a process of gopush writes them; the bench reads their fields. */
const lines = createLogger({ node: name, format: 'json' });
const logger = Object.assign(Object.create(lines), {
  info(fields, message) {
    lines.info(fields, message);
    if (fields?.pauseMs === undefined) return;
    seen.pauses.push(fields.pauseMs);
    seen.firstAt ||= Date.now();
    seen.lastAt = Date.now();
  },
  warn(fields, message) {
    lines.warn(fields, message);
    note(fields, message);
  },
  error(fields, message) {
    lines.error(fields, message);
    note(fields, message);
  },
});

const used = () => {
  const { user, system } = process.cpuUsage();
  return { cpuMs: (user + system) / 1_000 };
};
const asked = {
  used,
  async profile() {
    profiler.connect();
    await profiler.post('Profiler.enable');
    await profiler.post('Profiler.setSamplingInterval', { interval: 500 });
    await profiler.post('Profiler.start');
    return {};
  },
  /** It stops by itself: then it writes what it did. */
  profileAtEnd({ file }) {
    profileFile = file;
    return {};
  },
  async profiled({ file }) {
    const { profile } = await profiler.post('Profiler.stop');
    writeFileSync(file, JSON.stringify(profile));
    return {};
  },
  seen: () => ({ ...seen, warnings }),
  memory() {
    globalThis.gc?.();
    const { rss, heapUsed, heapTotal, external, arrayBuffers } = process.memoryUsage();
    return { rss, heapUsed, heapTotal, external, arrayBuffers };
  },
};

const stop = await (kind === 'agent' ? runAgent() : runPushServer());
process.on('SIGTERM', async () => {
  const from = used().cpuMs;
  await stop();
  if (profileFile !== undefined) await asked.profiled({ file: profileFile });
  process.send?.({ stopped: true, cpuMs: used().cpuMs - from, warnings });
  process.exit(0);
});
process.on('disconnect', () => process.exit(0));
process.on('message', async ({ ask, ...how }) => process.send({ answer: await asked[ask](how) }));

async function runAgent() {
  const { startAgent } = await import('@gopush/agent');
  const router = { default: [{ ip: '127.0.0.1', ports: ports.map(Number) }] };
  const agent = await startAgent({ config, logger, hooks: { agent: (request) => request.query.uid, router } });
  process.send({ port: Number(new URL(agent.url).port) });
  return () => agent.close();
}

async function runPushServer() {
  const { startPushServer } = await import('@gopush/push-server');
  const server = await startPushServer({ config, logger, node: name });
  asked.clients = () => ({ clients: server.io.engine.clientsCount });
  asked.owners = () => ({ ...server.handedOver });
  asked.check = () => {
    server.io.local.emit('check', 1);
    return {};
  };
  process.send({ port: server.port });
  return () => server.close();
}

function note(fields, message) {
  if (fields?.cause !== undefined) seen.cut[fields.cause] = (seen.cut[fields.cause] ?? 0) + 1;
  const line = typeof fields === 'string' ? fields : `${message}${fields?.err ? `: ${fields.err}` : ''}`;
  warnings[line] = (warnings[line] ?? 0) + (fields?.sessions ?? 1);
}
