import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:tls';
import { expect, onTestFinished, test } from 'vitest';
import { hooksTo, startTestAgent } from '../support/agent.ts';
import { makeCertificate, makeFolder } from '../support/certificate.ts';
import { openRaw, type RawClient } from '../support/client.ts';
import { readCertificate } from '../support/url-target.ts';

const refusal = 'HTTP/1.1 413 Too Large\r\nconnection: close\r\ncontent-length: 5\r\n\r\nlarge';

const drained = ({ socket }: RawClient): Promise<void> =>
  new Promise((resolve) => {
    if (socket.destroyed) resolve();
    socket.once('drain', resolve).once('close', () => resolve());
  });

test.each([
  ['100 kB', 100_000, 20],
  ['1 MB', 1_000_000, 20],
  ['10 MB', 10_000_000, 6],
])(
  'a 413 of a target of TLS that comes within a body of %s reaches the client each time',
  async (_size, bytes, times) => {
    const own = await readCertificate(await makeCertificate(await makeFolder(), 'target'));
    const server = createServer(own, (socket) => {
      socket
        .on('error', () => {})
        .once('data', () => {
          socket.pause();
          socket.end(refusal, () => socket.destroy());
        });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => void server.close());
    const url = `https://localhost:${(server.address() as AddressInfo).port}`;
    const agent = await startTestAgent(hooksTo({ default: { url, tls: { ca: own.cert } } }));
    let count = 0;
    for (let index = 0; index < times; index++) {
      const raw = await openRaw(agent.port, `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${bytes}\r\n\r\n`);
      raw.socket.setMaxListeners(0);
      const chunk = Buffer.alloc(50_000, 'x');
      for (let sent = 0; sent < bytes; sent += chunk.length) if (!raw.socket.write(chunk)) await drained(raw);
      const text = await raw.until(/^HTTP\/1\.1 \d+ [\s\S]*\r\n\r\n[\s\S]+/).then(([head]) => head, String);
      if (/^HTTP\/1\.1 413 [\s\S]*large$/.test(text)) count++;
      raw.socket.destroy();
    }
    expect(count).toBe(times);
  },
);
