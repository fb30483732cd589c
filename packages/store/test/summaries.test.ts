import { expect, test } from 'vitest';
import { maxCommandBytes, maxSummaryBytes, type Store } from '../src/index.ts';
import { describeStores, fresh, until } from './support/stores.ts';

/** Of the summaries that are kept, the text of those of these nodes, the newest first. */
async function readOf({ summaries }: Store, ...ids: readonly string[]) {
  const { kept } = await summaries.read();
  return kept.filter(({ id }) => ids.includes(id)).map(({ id, payload }) => [id, payload.toString()]);
}

describeStores('summaries', (open) => {
  test('every node reads what each one has written last, the newest first', async () => {
    const [one, two] = [await open(), await open()];
    const [a, b] = [fresh('a'), fresh('b')];
    await one.summaries.write(a, Buffer.from('1'));
    await until(
      async () => (await one.summaries.read()).kept.find(({ id }) => id === a)?.ageMs ?? 0,
      (age) => age > 1,
    );
    await two.summaries.write(b, Buffer.from('ü'));
    expect(await readOf(one, a, b)).toEqual([
      [b, 'ü'],
      [a, '1'],
    ]);
    await until(
      async () => (await one.summaries.read()).kept.find(({ id }) => id === b)?.ageMs ?? 0,
      (age) => age > 1,
    );
    await one.summaries.write(a, Buffer.from([0, 255]));
    const { kept } = await two.summaries.read();
    expect(kept.find(({ id }) => id === a)?.payload).toEqual(Buffer.from([0, 255]));
    expect((await readOf(two, a, b)).map(([id]) => id)).toEqual([a, b]);
  });

  test('a summary grows older until its node writes again', async () => {
    const { summaries } = await open();
    const id = fresh('node');
    const ageOf = async (): Promise<number> => {
      const { kept } = await summaries.read();
      return kept.find((one) => one.id === id)?.ageMs ?? Number.NaN;
    };
    // However long that takes on a busy machine. Clocks of Redis and of this process round differently.
    for (let round = 0; round < 2; round++) {
      const since = performance.now();
      await summaries.write(id, Buffer.from('x'));
      const ages = [await ageOf(), await until(ageOf, (age) => age >= 50)];
      const passed = performance.now() - since;
      for (const age of ages) expect(age).toBeLessThan(passed + 10);
    }
  });

  test('a summary that is too long is refused, and the one before it stays', async () => {
    const store = await open();
    const id = fresh('node');
    await store.summaries.write(id, Buffer.alloc(maxSummaryBytes, 'a'));
    await expect(store.summaries.write(id, Buffer.alloc(maxSummaryBytes + 1))).rejects.toMatchObject({
      code: 'bad_argument',
    });
    await expect(store.summaries.write('', Buffer.alloc(1))).rejects.toMatchObject({ code: 'bad_argument' });
    expect((await readOf(store, id))[0]?.[1]).toHaveLength(maxSummaryBytes);
  });

  test('a command goes once to the node that it was sent to, with the next summary of it', async () => {
    const [one, two] = [await open(), await open()];
    const [a, b] = [fresh('a'), fresh('b')];
    for (const id of [a, b]) expect(await one.summaries.write(id, Buffer.from('x'))).toBeUndefined();
    const command = Buffer.from('12 ü\n');
    expect(await two.summaries.send(a, command)).toBe(true);
    expect(await one.summaries.send(a, Buffer.from('another'))).toBe(false);
    expect(await one.summaries.write(b, Buffer.from('x'))).toBeUndefined();
    expect(await one.summaries.write(a, Buffer.from('x'))).toEqual(command);
    expect(await one.summaries.write(a, Buffer.from('x'))).toBeUndefined();
    expect(await two.summaries.send(a, Buffer.from('next'))).toBe(true);
    expect(String(await one.summaries.write(a, Buffer.from('x')))).toBe('next');
  });

  test('a command that is too long is refused', async () => {
    const { summaries } = await open();
    const id = fresh('node');
    await expect(summaries.send(id, Buffer.alloc(maxCommandBytes + 1))).rejects.toMatchObject({ code: 'bad_argument' });
    expect(await summaries.send(id, Buffer.alloc(maxCommandBytes, 'c'))).toBe(true);
    expect(await summaries.write(id, Buffer.from('x'))).toHaveLength(maxCommandBytes);
  });

  test('no more than a thousand are kept, those that were written last', async () => {
    const { summaries } = await open();
    const crowd = fresh('crowd');
    for (let from = 0; from < 1_200; from += 100) {
      await Promise.all(
        Array.from({ length: 100 }, (_, index) => summaries.write(`${crowd}-${from + index}`, Buffer.from('x'))),
      );
    }
    const ids = (await summaries.read()).kept.map(({ id }) => id);
    expect(ids.length).toBeLessThanOrEqual(1_000);
    expect(ids).toContain(`${crowd}-1199`);
    expect(ids).not.toContain(`${crowd}-0`);
  });
});
