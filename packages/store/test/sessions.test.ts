import { expect, test } from 'vitest';
import { describeStores, fresh, until } from './support/stores.ts';

const bytes = Buffer.from([0, 255, 10, 13, 128]);

describeStores('sessions', (open) => {
  test('a session is read by any node, and replaced', async () => {
    const [one, two] = [await open(), await open()];
    const key = fresh('key');
    expect(await two.sessions.read(key)).toBeUndefined();
    await one.sessions.save(key, Buffer.from('first'), 60_000);
    await one.sessions.save(key, bytes, 60_000);
    expect(await two.sessions.read(key)).toEqual(bytes);
    await two.sessions.remove(key);
    await two.sessions.remove(key);
    expect(await one.sessions.take(key)).toBeUndefined();
  });

  test('a session that is stored under another key is no longer there under the one before', async () => {
    const { sessions } = await open();
    const [before, key] = [fresh('key'), fresh('key')];
    await sessions.save(before, Buffer.from('first'), 60_000);
    const more = fresh('more');
    const entries = [
      { key, payload: bytes },
      { key: more, payload: Buffer.from('more') },
    ];
    await sessions.saveAll(entries, 60_000, before);
    expect(await Promise.all([key, more].map((one) => sessions.read(one)))).toEqual([bytes, Buffer.from('more')]);
    await until(
      () => sessions.read(before),
      (found) => found === undefined,
    );
  });

  test('a session is stored over what its node knows of, or nothing, and over nothing else', async () => {
    const [one, two] = [await open(), await open()];
    const [key, held] = [fresh('key'), Buffer.from('held')];
    expect(await one.sessions.saveOver(key, held, 60_000, held)).toBe(true);
    expect(await two.sessions.saveOver(key, bytes, 60_000, Buffer.from('hel'))).toBe(false);
    expect(await one.sessions.read(key)).toEqual(held);
    const saved = await Promise.all(
      [one, two].map(({ sessions }, index) => sessions.saveOver(key, Buffer.from([index]), 60_000, held)),
    );
    expect(saved.filter(Boolean)).toHaveLength(1);
    expect(await one.sessions.read(key)).toEqual(Buffer.from([saved.indexOf(true)]));
    const short = fresh('key');
    await one.sessions.saveOver(short, bytes, 40, held);
    await until(
      () => two.sessions.read(short),
      (found) => found === undefined,
    );
    expect(await two.sessions.saveOver(short, bytes, 60_000, held)).toBe(true);
  });

  test('of many that take a session one gets it', async () => {
    const nodes = [await open(), await open()];
    const key = fresh('key');
    await nodes[0]?.sessions.save(key, bytes, 60_000);
    const taken = await Promise.all(Array.from({ length: 20 }, (_, index) => nodes[index % 2]?.sessions.take(key)));
    expect(taken.filter((one) => one !== undefined)).toEqual([bytes]);
  });

  test('a session goes with its time', async () => {
    const { sessions } = await open();
    const key = fresh('key');
    await sessions.save(key, bytes, 40);
    await until(
      () => sessions.read(key),
      (found) => found === undefined,
    );
    expect(await sessions.take(key)).toBeUndefined();
  });
});
