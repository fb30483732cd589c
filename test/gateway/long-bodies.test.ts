import { connect } from 'node:net';
import { defineAgentApp } from '@gopush/contract';
import { expect, onTestFinished, test } from 'vitest';
import { startPushServers, startTestAgent } from '../support/gateway.ts';

const mega = 1024 * 1024;

/** Sends a body as long as the other side takes it, 100 MB at most. @returns what came, and how much was sent */
async function upload(
  port: number,
  head: string,
  most = 200 * mega,
): Promise<{ text: string; sent: number; ended: boolean }> {
  const socket = connect(port, '127.0.0.1').setMaxListeners(0);
  onTestFinished(() => void socket.destroy());
  let text = '';
  socket
    .on('error', () => {})
    .on('data', (chunk) => {
      text += chunk;
    });
  socket.write(head);
  const chunk = Buffer.alloc(mega);
  let sent = 0;
  for (; sent < most && !socket.closed && !socket.readableEnded; sent += chunk.length) {
    if (socket.write(chunk)) continue;
    await new Promise<void>((resolve) => {
      socket
        .once('drain', resolve)
        .once('end', resolve)
        .once('close', () => resolve());
    });
  }
  return { text, sent, ended: socket.closed || socket.destroyed };
}

const post = (path: string, more = ''): string =>
  `POST ${path} HTTP/1.1\r\nHost: localhost\r\n${more}Content-Length: ${1024 * mega}\r\n\r\n`;

test.each([
  ['a path where nothing is', '/nothing', '404'],
  ['a session of Socket.IO that there is not', '/socket.io/?EIO=4&transport=polling&sid=none', '400'],
])(
  'a push-server that has answered an upload to %s takes no more than a bound of the rest',
  async (_where, path, status) => {
    const [server] = await startPushServers(1);
    const { text, ended } = await upload(server?.port as number, post(path));
    expect([text.slice(9, 12), ended]).toEqual([status, true]);
  },
);

test('so does an agent whose hook has answered without reading the body', async () => {
  const agent = await startTestAgent({
    agent: defineAgentApp((app) => {
      app.use((_request, response) => void response.status(403).json('no'));
    }),
  });
  const { text, ended } = await upload(agent.port, post('/'));
  expect([text.slice(9, 12), ended]).toEqual(['403', true]);
});

test('what comes after an early response is the next request, where the rest is short', async () => {
  const [server] = await startPushServers(1);
  const rest = 'x'.repeat(mega);
  const socket = connect(server?.port as number, '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk;
  });
  const answers = (): number => text.match(/not_found/g)?.length ?? 0;
  socket.write(`POST /a HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${mega}\r\n\r\n`);
  await expect.poll(answers).toBe(1);
  socket.write(`${rest}GET /b HTTP/1.1\r\nHost: localhost\r\n\r\n`);
  await expect.poll(answers).toBe(2);
});
