import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { failures } from '@gopush/contract';
import { expect, onTestFinished, test } from 'vitest';
import { hooksTo, startTestAgent } from '../support/agent.ts';
import { send } from '../support/client.ts';
import { createSignal } from '../support/wire.ts';

const program = `
const http = require('node:http');
http.createServer((request, response) => {
  request.resume().once('end', () => response.end('served'));
}).listen(Number(process.argv[1]), '127.0.0.1', function () { process.stdout.write(String(this.address().port)); });
`;

async function startChild(port = 0): Promise<{ child: ChildProcess; port: number }> {
  const child = spawn(process.execPath, ['-e', program, String(port)], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const [chunk] = await once(child.stdout as NonNullable<typeof child.stdout>, 'data');
  return { child, port: Number(String(chunk)) };
}

/** Clients that ask one request after the other and count what they saw. */
function startLoad(url: string, clients: number) {
  const seen: Record<string, number> = {};
  let waiting: { outcome: RegExp; left: number; done: () => void } | undefined;
  let going = true;
  const ask = async (index: number): Promise<void> => {
    for (let count = 0; going; count++) {
      const outcome = await send(
        url,
        (index + count) % 2 === 0 ? {} : { method: 'POST', body: 'x'.repeat(1_000) },
      ).then(
        ({ status, body }) => (status === 200 ? body : `${status} ${JSON.parse(body).error.code}`),
        (error: NodeJS.ErrnoException) => `cut: ${error.code ?? error.message}`,
      );
      seen[outcome] = (seen[outcome] ?? 0) + 1;
      if (waiting?.outcome.test(outcome) && --waiting.left === 0) waiting.done();
    }
  };
  const all = Promise.all(Array.from({ length: clients }, (_, index) => ask(index)));
  onTestFinished(() => {
    going = false;
  });
  return {
    seen,
    /** Resolves when this many more requests have ended with this outcome. */
    until(outcome: RegExp, left: number): Promise<void> {
      const reached = createSignal();
      waiting = { outcome, left, done: reached.resolve };
      return reached.promise;
    },
    async stop(): Promise<void> {
      going = false;
      await all;
    },
  };
}

test('targets that are killed, paused and restarted under load: every request is served or told, and serving goes on', {
  timeout: 60_000,
}, async () => {
  let { child, port } = await startChild();
  const agent = await startTestAgent(hooksTo({ default: { ip: '127.0.0.1', port } }), {
    agent: { answerTimeoutMs: 200, connectTimeoutMs: 200 },
  });
  const load = startLoad(agent.url, 20);
  await load.until(/^served$/, 200);

  for (let round = 0; round < 3; round++) {
    child.kill('SIGKILL');
    await load.until(/^502 target_unreachable$/, 50);
    ({ child } = await startChild(port));
    await load.until(/^served$/, 200);
  }

  child.kill('SIGSTOP');
  await load.until(/^504 target_silent$/, 40);
  child.kill('SIGCONT');
  await load.until(/^served$/, 200);

  // Killed while it stands still, with requests that it has taken and will never answer.
  child.kill('SIGSTOP');
  await load.until(/^504 target_silent$/, 20);
  child.kill('SIGKILL');
  await load.until(/^502 target_/, 20);
  ({ child } = await startChild(port));
  await load.until(/^served$/, 200);
  await load.stop();

  const known = new Set(['served', ...Object.entries(failures).map(([code, { http }]) => `${http} ${code}`)]);
  expect(Object.keys(load.seen).filter((outcome) => !known.has(outcome))).toEqual([]);
  expect((await send(agent.url)).body).toBe('served');
});

test('while one of two targets is killed and restarted, requests without a body are all served', async () => {
  const [one, two] = await Promise.all([startChild(), startChild()]);
  const agent = await startTestAgent({
    agent: (request) => request.query.user,
    router: { default: [{ ip: '127.0.0.1', ports: [one.port, two.port] }] },
  });
  const askAll = () =>
    Promise.all(Array.from({ length: 40 }, async (_, index) => (await send(`${agent.url}/?user=u${index}`)).body));
  const served = Array(40).fill('served');
  expect(await askAll()).toEqual(served);
  const gone = once(one.child, 'exit');
  one.child.kill('SIGKILL');
  await gone;
  expect(await askAll()).toEqual(served);
  await startChild(one.port);
  expect(await askAll()).toEqual(served);
});
