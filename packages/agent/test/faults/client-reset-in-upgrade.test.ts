import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { hooksTo, startTestAgent } from '../support/agent.ts';
import { handshakeBytes, openRaw, sampleAnswer } from '../support/client.ts';
import { countTcp, createSignal, patiently, startSeeingTarget } from '../support/wire.ts';

/** The beginning of a masked text frame of 100 bytes. */
const halfFrame = Buffer.from([0x81, 0x80 | 100, 1, 2, 3, 4, 5, 6, 7]);

/** A process that listens and never accepts: once its queue is full, connecting to it takes as long as the client waits. */
async function startFullTarget(): Promise<number> {
  const child = spawn(
    process.execPath,
    [
      '-e',
      `const server = require('node:net').createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
        process.stdout.write(String(server.address().port), () => process.kill(process.pid, 'SIGSTOP'));
      });`,
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  onTestFinished(() => void child.kill('SIGKILL'));
  const port = Number(String((await once(child.stdout, 'data'))[0]));
  const fillers = Array.from({ length: 4 }, () => connect(port, '127.0.0.1').on('error', () => {}));
  onTestFinished(() => {
    for (const filler of fillers) filler.destroy();
  });
  // A queue of one takes two; the others wait, as everybody after them will.
  await Promise.all(fillers.slice(0, 2).map((filler) => once(filler, 'connect')));
  return port;
}

test('a client that resets before the hook has answered opens nothing, whatever the hook says then', async () => {
  const target = await startSeeingTarget();
  const asked = createSignal();
  const answer = createSignal<string>();
  const routed = createSignal();
  const agent = await startTestAgent({
    agent: () => {
      asked.resolve();
      return answer.promise;
    },
    router: {
      default: () => {
        routed.resolve();
        return target;
      },
    },
  });
  await expect.poll(countTcp, patiently).toBe(0);
  const raw = await openRaw(agent.port, handshakeBytes('/'));
  await asked.promise;
  raw.socket.resetAndDestroy();
  await expect.poll(countTcp, patiently).toBe(0);
  answer.resolve('ann');
  await routed.promise;
  await agent.close();
  expect(target.connections).toHaveLength(0);
});

test('a client that resets while its target is being connected to ends the connecting', async () => {
  await expect.poll(countTcp, patiently).toBe(0);
  const port = await startFullTarget();
  const routed = createSignal();
  const agent = await startTestAgent(
    {
      agent: () => 'ann',
      router: {
        default: () => {
          routed.resolve();
          return { ip: '127.0.0.1', port };
        },
      },
    },
    { agent: { connectTimeoutMs: 600_000 } },
  );
  const before = countTcp();
  const raw = await openRaw(agent.port, handshakeBytes('/'));
  await routed.promise;
  // The client, what the agent accepted, and what it is connecting.
  await expect.poll(countTcp, patiently).toBeGreaterThanOrEqual(before + 3);
  raw.socket.resetAndDestroy();
  await expect.poll(countTcp, patiently).toBe(before);
});

test.each([
  ['after its request reached the target', ''],
  ['when half of the 101 has come', sampleAnswer.slice(0, 60)],
])('a client that resets %s takes the target down with it', async (_name, answered) => {
  const target = await startSeeingTarget();
  const agent = await startTestAgent(hooksTo({ default: target }));
  await expect.poll(countTcp, patiently).toBe(0);
  const coming = target.next();
  const raw = await openRaw(agent.port, handshakeBytes('/'));
  const seen = await coming;
  await seen.until(/\r\n\r\n/);
  seen.socket.on('end', () => seen.socket.end());
  if (answered !== '') await new Promise<unknown>((resolve) => seen.socket.write(answered, resolve));
  raw.socket.resetAndDestroy();
  await seen.gone;
  await expect.poll(countTcp, patiently).toBe(0);
});

test.each([
  ['right after the 101', '', ''],
  ['in the middle of its frame', halfFrame, ''],
  ['in the middle of a frame to it', '', Buffer.from([0x82, 126, 1, 0, 9, 9])],
])('a client that resets %s resets the target, and nothing stays open', async (_name, fromClient, fromTarget) => {
  const target = await startSeeingTarget(({ socket }) => {
    socket.once('data', () => {
      socket.write(sampleAnswer);
      if (fromTarget !== '') socket.write(fromTarget);
    });
  });
  const agent = await startTestAgent(hooksTo({ default: target }));
  await expect.poll(countTcp, patiently).toBe(0);
  const coming = target.next();
  const raw = await openRaw(agent.port, handshakeBytes('/'));
  const seen = await coming;
  await raw.until(fromTarget === '' ? /\r\n\r\n/ : /\r\n\r\n[\s\S]{6}/);
  if (fromClient !== '') {
    raw.socket.write(fromClient);
    await seen.until(/\r\n\r\n[\s\S]{9}/);
  }
  raw.socket.resetAndDestroy();
  expect(await seen.gone).toMatchObject({ code: 'ECONNRESET' });
  await expect.poll(countTcp, patiently).toBe(0);
});
