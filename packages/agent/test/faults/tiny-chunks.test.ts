import { once } from 'node:events';
import { expect, test } from 'vitest';
import { hooksTo, startTestAgent } from '../support/agent.ts';
import { openRaw, send } from '../support/client.ts';
import { startTarget } from '../support/target.ts';
import { startSeeingTarget } from '../support/wire.ts';

const head = 'Host: gateway.test\r\nTransfer-Encoding: chunked\r\n\r\n';
const count = 20_000;
const tiny = '1\r\nx\r\n'.repeat(count);

/** The sizes of the chunks in a chunked body, all of them of `x`. */
const sizesIn = (text: string): number[] =>
  (text.match(/^[0-9a-f]+(?=\r\n)/gm) ?? []).map((size) => Number.parseInt(size, 16));

test('thousands of tiny chunks go on as a few, in both directions, and none is lost', async () => {
  const target = await startSeeingTarget(({ socket, until }) => {
    until(/\r\n0\r\n\r\n$/).then(
      () => socket.write(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${tiny}0\r\nX-Sum: 1\r\n\r\n`),
      () => {},
    );
  });
  const agent = await startTestAgent(hooksTo({ default: target }));
  const raw = await openRaw(agent.port, `POST / HTTP/1.1\r\n${head}${tiny}0\r\n\r\n`);
  const [answer] = await raw.until(/^HTTP\/1\.1 200 [\s\S]*\r\n0\r\n[\s\S]*\r\n\r\n$/);
  for (const text of [target.connections[0]?.text() ?? '', answer]) {
    const sizes = sizesIn(text.slice(text.indexOf('\r\n\r\n')));
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(count);
    expect(sizes.length).toBeLessThan(count / 10);
  }
});

test('clients that upload tiny chunks as fast as they can leave time for others', async () => {
  const target = await startTarget((request, response) => {
    request.resume().once('end', () => response.end('ok'));
  });
  const agent = await startTestAgent(hooksTo({ default: target }));
  const uploads = await Promise.all(
    Array.from({ length: 4 }, async () => {
      const raw = await openRaw(agent.port, `POST / HTTP/1.1\r\n${head}`);
      const go = (): void => {
        while (!raw.socket.destroyed && raw.socket.write(tiny));
        raw.socket.once('drain', () => setImmediate(go));
      };
      go();
      return raw;
    }),
  );
  await once(uploads[0]?.socket ?? process, 'drain');
  const times: number[] = [];
  for (let asked = 0; asked < 30; asked++) {
    const since = performance.now();
    expect((await send(agent.url)).body).toBe('ok');
    times.push(performance.now() - since);
  }
  times.sort((a, b) => a - b);
  expect(times[15]).toBeLessThan(200);
  const [first] = uploads;
  for (const { socket } of uploads) if (socket !== first?.socket) socket.destroy();
  expect(first?.text()).toBe('');
});
