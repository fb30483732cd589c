import { expect, test } from 'vitest';
import { createMemoryLog, startTestAgent } from '../support/agent.ts';
import { handshakeBytes, openRaw, sampleAnswer } from '../support/client.ts';
import { type SeenConnection, startSeeingTarget } from '../support/wire.ts';

/** A text frame as a server sends it. */
const frame = (text: string): Buffer => Buffer.concat([Buffer.from([0x81, text.length]), Buffer.from(text)]);

function answer(token: string, skip?: number): string {
  const more = `x-gopush-resume: ${token}\r\n${skip === undefined ? '' : `x-gopush-resume-skip: ${skip}\r\n`}`;
  return sampleAnswer.replace(/\r\n\r\n$/, `\r\n${more}\r\n`);
}

/** Takes a session at once. */
async function take({ socket, until }: SeenConnection, token: string): Promise<void> {
  await until(/^GET [\s\S]*?\r\n\r\n/);
  socket.write(answer(token, 1), 'latin1');
  socket.write(frame('0{}'));
}

/** Clients on one target, and other targets for their sessions, in this order. */
async function start(clients: number, others: readonly ((seen: SeenConnection) => void)[], seamless: object = {}) {
  let count = 0;
  const first = await startSeeingTarget(({ socket, until }) => {
    // If it is silent for long, the agent also tries whether its machine is up, without a request.
    void until(/\r\n\r\n/).then(
      () => socket.write(answer(`first-${count++}`), 'latin1'),
      () => {},
    );
  });
  const targets = await Promise.all(others.map((onConnection) => startSeeingTarget(onConnection)));
  let live = [{ ip: first.ip, port: first.port, weight: 1 }];
  const { log, lines } = createMemoryLog();
  const agent = await startTestAgent(
    { agent: (request) => String(request.query.user), router: { default: () => live } },
    { seamless, log: { requests: true } },
    log,
  );
  const opened = await Promise.all(
    Array.from({ length: clients }, (_, index) =>
      openRaw(agent.port, handshakeBytes(`/socket.io/?EIO=4&transport=websocket&user=u${index}`)),
    ),
  );
  await Promise.all(opened.map((client) => client.until(/\r\n\r\n/)));
  // Nearly all go to the first one, which has nearly all of the weight.
  live = targets.map(({ ip, port }, index) => ({ ip, port, weight: index === 0 ? 1_000 : 1 }));
  const linesOf = (message: RegExp) => lines.filter((line) => message.test(line.message));
  return {
    clients: opened,
    targets,
    crash: () => {
      for (const { socket } of first.connections) socket.resetAndDestroy();
    },
    migrated: () => linesOf(/^session (migrated|failed over)/).map(({ fields }) => fields.pauseMs as number),
    fallbacks: () => linesOf(/could not migrate or fail over/).map(({ fields }) => fields.cause),
    /** How each session ended, in order. */
    ends: () => linesOf(/^session (migrated|failed over)|could not migrate or fail over/),
  };
}

const silent = (): void => {};
const takes = (seen: SeenConnection): void => void take(seen, 'next').catch(() => {});

test('where one target hangs the next one is asked as well, and has the session alone', async () => {
  const { clients, targets, crash, migrated, fallbacks } = await start(16, [silent, takes]);
  crash();
  await expect.poll(() => migrated().length, { timeout: 10_000 }).toBe(16);
  expect(Math.max(...migrated())).toBeLessThan(4_000);
  expect(fallbacks()).toEqual([]);
  const [hung, well] = targets as [(typeof targets)[0], (typeof targets)[0]];
  for (const { socket } of well.connections) socket.write(frame('42["on"]'));
  await Promise.all(clients.map((client) => client.until(/42\["on"\]/)));
  // Requests to which it did not respond are reset, and it never got a byte of a client.
  const ends = await Promise.all(hung.connections.map(({ gone }) => gone));
  expect(ends.map((error) => error?.code)).toEqual(hung.connections.map(() => 'ECONNRESET'));
  for (const { text } of hung.connections) expect(text()).toMatch(/^GET [\s\S]*?\r\n\r\n$/);
  // After the first few it is asked no more.
  expect(hung.connections.length).toBeLessThan(20);
});

test('a target that responds late, while another one is asked, still gets the session', async () => {
  let late: SeenConnection | undefined;
  const { clients, crash, migrated } = await start(1, [
    (seen) => {
      late = seen;
    },
    silent,
  ]);
  crash();
  await expect.poll(() => late).toBeDefined();
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  await take(late as SeenConnection, 'late');
  (late as SeenConnection).socket.write(frame('42["late"]'));
  await (clients[0] as (typeof clients)[0]).until(/42\["late"\]/);
  expect(migrated()).toHaveLength(1);
});

test('no session is given up because many wait for a target that takes them one after the other', async () => {
  let line = Promise.resolve();
  const { crash, migrated, fallbacks } = await start(
    150,
    [
      (seen) => {
        line = line.then(async () => {
          await new Promise((resolve) => setTimeout(resolve, 36));
          await take(seen, 'next').catch(() => {});
        });
      },
    ],
    { holdMs: 5_000 },
  );
  crash();
  await expect.poll(() => migrated().length + fallbacks().length, { timeout: 40_000 }).toBe(150);
  expect(fallbacks()).toEqual([]);
  expect(Math.max(...migrated())).toBeGreaterThan(5_000);
});

test('a session that its target refuses each time does not keep the others waiting', async () => {
  const isPoison = (text: string): boolean => /user=u0&/.test(text) || /user=u0 /.test(text);
  const { crash, migrated, fallbacks, ends } = await start(
    40,
    [
      (seen) => {
        void seen
          .until(/^GET [\s\S]*?\r\n\r\n/)
          .then(() => (isPoison(seen.text()) ? void seen.socket.resetAndDestroy() : take(seen, 'next')))
          .catch(() => {});
      },
    ],
    { holdMs: 3_000 },
  );
  crash();
  await expect.poll(() => migrated().length, { timeout: 10_000 }).toBe(39);
  await expect.poll(fallbacks, { timeout: 10_000 }).toEqual(['held too long']);
  // All others first.
  expect(ends().at(-1)?.fields.cause).toBe('held too long');
});
