import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import { expect, onTestFinished, test, vi } from 'vitest';
import { createLifetime, drainHttp, ListenError, listen, nodeName, withoutMachine } from '../src/index.ts';
import { createLoggerTo } from '../src/logger.ts';

test('closes in reverse order, once, and goes on after a failing close', async () => {
  const closed: string[] = [];
  const errors: string[] = [];
  const lifetime = createLifetime((what) => errors.push(what));
  lifetime.opened('a', () => void closed.push('a'));
  lifetime.opened('b', () => Promise.reject(new Error('b')));
  lifetime.opened('c', async () => void closed.push('c'));
  expect(lifetime.close()).toBe(lifetime.close());
  await lifetime.close();
  expect([closed, errors]).toEqual([['c', 'a'], ['b']]);
});

test('what is opened after closing began is closed, too', async () => {
  const closed: string[] = [];
  const lifetime = createLifetime(() => {});
  const closing = lifetime.close();
  lifetime.opened('late', () => void closed.push('late'));
  await closing;
  await lifetime.close();
  expect(closed).toEqual(['late']);
});

test('a port in use is said in one line, and leaves no listener', async () => {
  const first = createServer();
  const { port } = await listen(first, { port: 0, host: '127.0.0.1' });
  const second = createServer();
  const listeners = second.listenerCount('listening');
  await expect(listen(second, { port, host: '127.0.0.1' })).rejects.toThrow(
    new ListenError(`port ${port} of 127.0.0.1 is in use by another program`),
  );
  expect([second.listenerCount('error'), second.listenerCount('listening')]).toEqual([0, listeners]);
  await expect(listen(second, { port: 1, host: '192.0.2.1' })).rejects.toThrow(/this machine has no such address/);
  first.close();
});

test('draining ends a request in flight, then its kept connection, at once', async () => {
  let finish = (): void => {};
  const server = createServer((_request, response) => {
    finish = () => response.end('done');
  });
  const { port } = await listen(server, { port: 0, host: '127.0.0.1' });
  const asked = request({ port, host: '127.0.0.1', headers: { connection: 'keep-alive' } });
  asked.end();
  await once(server, 'request');
  const drained = drainHttp(server, 10_000);
  finish();
  const [answer] = await once(asked, 'response');
  expect(answer.statusCode).toBe(200);
  answer.resume();
  await drained;
});

test('draining cuts what goes on beyond its time', async () => {
  const server = createServer(() => {});
  const { port } = await listen(server, { port: 0, host: '127.0.0.1' });
  const asked = request({ port, host: '127.0.0.1' });
  asked.end();
  await once(server, 'request');
  const cut = once(asked, 'error');
  await drainHttp(server, 20);
  expect((await cut)[0]).toMatchObject({ code: 'ECONNRESET' });
});

async function startProgram(...args: string[]) {
  const program = new URL('programs/stopping.mjs', import.meta.url).pathname;
  const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] });
  await once(child, 'message');
  const exited = once(child, 'exit').then(([code]) => code);
  return { child, exited, said: () => once(child, 'message').then(([message]) => message) };
}

test('the first signal stops gracefully', async () => {
  const { child, exited, said } = await startProgram('20');
  const reason = said();
  child.kill('SIGTERM');
  expect([await reason, await exited]).toEqual(['SIGTERM', 0]);
});

test('a second signal ends at once', async () => {
  const { child, exited, said } = await startProgram('60000');
  const reason = said();
  child.kill('SIGINT');
  await reason;
  // Again and again: the first ones come so soon that they are still the same Ctrl-C.
  const again = setInterval(() => child.kill('SIGINT'), 100);
  expect(await exited).toBe(1);
  clearInterval(again);
});

test('a signal that comes twice at once is one: npm passes on what the terminal has sent already', async () => {
  const { child, exited, said } = await startProgram('200');
  const reason = said();
  child.kill('SIGINT');
  await reason;
  child.kill('SIGINT');
  expect(await exited).toBe(0);
});
test("a parent's word after a signal is no second signal: Ctrl-C reaches the whole group", async () => {
  const { child, exited, said } = await startProgram('200');
  const reason = said();
  child.kill('SIGINT');
  await reason;
  child.send('shutdown');
  expect(await exited).toBe(0);
});

test('a stop that takes too long is ended', async () => {
  const { child, exited } = await startProgram('60000', '50');
  child.kill('SIGTERM');
  expect(await exited).toBe(1);
});

test('a worker whose parent is gone stops', async () => {
  const { child, exited } = await startProgram('1');
  child.disconnect();
  expect(await exited).toBe(0);
});

test('warnings and errors that repeat are a few lines and a count; other kinds, and lines of requests, are all written', () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const lines: Record<string, unknown>[] = [];
  const log = createLoggerTo({ write: (line) => void lines.push(JSON.parse(line)) }, {});
  const failure = (code: string) => Object.assign(new Error('a full disk'), { code });
  for (let count = 0; count < 5_000; count++) log.warn({ err: failure('ENOSPC') }, 'a session could not be stored');
  for (let count = 0; count < 7; count++) log.error('a message cannot be read');
  for (let count = 0; count < 9; count++) log.warn({ id: count }, 'a request was refused');
  log.warn({ err: failure('EROFS') }, 'a session could not be stored');
  log.warn({ err: Object.create(null) }, 'a session could not be stored');
  expect(lines.length).toBe(5 + 5 + 9 + 2);
  lines.length = 0;
  vi.advanceTimersByTime(10_000);
  expect(lines).toMatchObject([
    { level: 'warn', repeated: 4_995, msg: 'a session could not be stored' },
    { level: 'error', repeated: 2, msg: 'a message cannot be read' },
  ]);
  log.error('a message cannot be read');
  expect(lines.at(-1)).not.toHaveProperty('repeated');
});

test('log lines are JSON with node and time, and secrets are left out wherever they stand', async () => {
  const program = new URL('programs/logging.mjs', import.meta.url).pathname;
  const child = spawn(process.execPath, [program], { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.on('data', (chunk) => {
    text += chunk;
  });
  await once(child, 'close');
  expect(JSON.parse(text)).toMatchObject({
    level: 'info',
    node: 'n',
    msg: 'hello',
    port: 1,
    time: expect.stringMatching(/^\d{4}-.*Z$/),
  });
  expect(text).not.toMatch(/hunter2/);
});

test.each(['return', 'exit', 'throw', 'killed after an error', 'killed later'])(
  'no line is lost, and all are in order, when a process ends by: %s',
  async (how) => {
    const program = new URL('programs/ending.mjs', import.meta.url).pathname;
    const child = spawn(process.execPath, [program, how], { stdio: ['ignore', 'pipe', 'ignore'] });
    let text = '';
    child.stdout.on('data', (chunk) => {
      text += chunk;
    });
    await once(child, 'close');
    const lines = text.trimEnd().split('\n');
    const infos = lines.map((line) => JSON.parse(line)).filter(({ level }) => level === 'info');
    expect(infos.map(({ index }) => index)).toEqual(Array.from({ length: 1_000 }, (_, index) => index));
    expect(lines).toHaveLength(how === 'killed after an error' ? 1_001 : 1_000);
  },
);

test('the name of a process has its machine, tier and number, in characters that headers and labels take', () => {
  expect(nodeName('agent', 0, 'web1')).toBe('web1-agent-0');
  expect(nodeName('push-server', 12, 'büro 1/a')).toBe('b-ro-1-a-push-server-12');
  expect(nodeName('agent', 0, '')).toBe('machine-agent-0');
  expect(nodeName('agent', 3)).toMatch(/^[\w.-]+-agent-3$/);
});

test.each([
  [nodeName('agent', 0), 'agent-0'],
  [nodeName('push-server', 12, 'web-1'), 'push-server-12'],
  ['push-server-0', 'push-server-0'],
  ['edge-7', 'edge-7'],
  ['myagent-0', 'myagent-0'],
])('clients are told the process %s as %s', (name, told) => {
  expect(withoutMachine(name)).toBe(told);
});

test.each([
  [
    { port: 70_000, host: '127.0.0.1' },
    /port 70000: the highest port is 65535: change serverPortStart \(\+ 1 for this process\)/,
  ],
  [{ port: 1, host: '192.0.2.1' }, /this machine has no such address: change pushServer\.host$/],
  [{ port: 1, host: 'nowhere.invalid' }, /the name nowhere\.invalid cannot be resolved: change pushServer\.host$/],
])('a port that cannot be had names the setting to change: %j', async (options, message) => {
  const settings = { port: 'serverPortStart', offset: 1, host: 'pushServer.host' };
  await expect(listen(createServer(), options, settings)).rejects.toThrow(message);
});
