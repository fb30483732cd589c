import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { LineClient } from './support/lines.ts';
import { startBothApart } from './support/pairs.ts';

/** A client that was handed over to a taker which may be silent for two seconds. */
async function start() {
  const { taker, giver, port } = await startBothApart(2_000);
  const client = new LineClient(port, '/a');
  await giver.has({ accepted: '/a' });
  client.socket.write('one 1\n');
  await client.has('one 1\n');
  return { taker, giver, client };
}

test('a taker that allows to be killed, which its giver learns later, is killed when it is surely silent', async () => {
  const { taker, giver } = await start();
  taker.do('allowKilling');
  await taker.has({ mayBeKilled: true });
  taker.process.kill('SIGSTOP');
  await giver.has({ orphan: '/a', taker: 'alive', cause: 'silent' });
  // It would have answered a new channel.
  giver.do('isSilentFor', '2000');
  await giver.has({ isSilentFor: false });
  await expect
    .poll(() => giver.do('isSilentFor', '2000') ?? giver.told.at(-1), { timeout: 10_000, interval: 200 })
    .toEqual({ isSilentFor: true });
  giver.do('killTakers');
  await giver.has({ killed: true });
  await giver.has({ orphan: '/a', taker: 'clean', marks: [{ stream: 7, offset: 1 }] });
});

test('a giver and a taker that are paused together do not take each other for silent', async () => {
  const { taker, giver, client } = await start();
  for (const { process } of [taker, giver]) process.kill('SIGSTOP');
  await delay(4_500);
  for (const { process } of [giver, taker]) process.kill('SIGCONT');
  client.socket.write('two 2\n');
  await client.has('one 1\ntwo 2\n');
  // Longer than either may be silent.
  await delay(3_500);
  giver.do('size');
  await giver.has({ size: 1 });
  expect(giver.told.filter((message) => 'orphan' in message)).toEqual([]);
  expect(giver.told.filter(({ taker: state }) => state === 'gone')).toEqual([]);
});
