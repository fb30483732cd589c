import { describe, expect, test, vi } from 'vitest';

/** A module with its own queue, as each process has one. */
async function importAnew(path: string): Promise<(work: () => Promise<unknown>, address?: string) => Promise<unknown>> {
  vi.resetModules();
  const { inTurn } = await import(path);
  let last = 0;
  return (work, address = `address ${++last}`) => inTurn(address, work);
}

/** Work that ends when it is told to. */
function holdWork() {
  const ends: (() => void)[] = [];
  const work = (): Promise<string> => new Promise((resolve) => ends.push(() => resolve('done')));
  const endOne = async (): Promise<void> => {
    await vi.waitFor(() => expect(ends.length).toBeGreaterThan(0));
    ends.shift()?.();
    // The next one takes the place.
    await new Promise(setImmediate);
  };
  return { ends, work, endOne };
}

describe.each([
  ['the example chat', '../../examples/chat/lib/in-turn.js'],
  ['the template chat', '../../templates/chat/app/in-turn.ts'],
])('passwords in %s', (_where, path) => {
  test('two are hashed at once, thirty wait, and further ones are refused', async () => {
    const inTurn = await importAnew(path);
    const { ends, work, endOne } = holdWork();
    const all = Array.from({ length: 33 }, () => inTurn(work));
    expect(await all[32]).toBeUndefined();
    expect(ends).toHaveLength(2);
    await endOne();
    expect(ends).toHaveLength(2);
    // There is room again for one.
    const late = inTurn(work);
    for (let count = 0; count < 32; count++) await endOne();
    expect(await Promise.all([...all.slice(0, 32), late])).toEqual(Array(33).fill('done'));
  });

  test('eight of one address run or wait, and others are served meanwhile', async () => {
    const inTurn = await importAnew(path);
    const { work, endOne } = holdWork();
    const many = Array.from({ length: 40 }, () => inTurn(work, 'one'));
    const refused = await Promise.all(many.slice(8));
    expect(refused).toEqual(Array(32).fill(undefined));
    const other = inTurn(work, 'other');
    for (let count = 0; count < 9; count++) await endOne();
    expect(await Promise.all([...many.slice(0, 8), other])).toEqual(Array(9).fill('done'));
    const again = inTurn(work, 'one');
    await endOne();
    expect(await again).toBe('done');
  });

  test('whoever has waited for too long is refused, and the next one is not held up', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    try {
      const inTurn = await importAnew(path);
      const { work, endOne } = holdWork();
      const first = [inTurn(work), inTurn(work)];
      const waited = inTurn(work);
      vi.setSystemTime(Date.now() + 2_001);
      const fresh = inTurn(work);
      await endOne();
      expect(await waited).toBeUndefined();
      await endOne();
      await endOne();
      expect(await Promise.all([...first, fresh])).toEqual(['done', 'done', 'done']);
    } finally {
      vi.useRealTimers();
    }
  });

  test('work that fails gives its place to the next one', async () => {
    const inTurn = await importAnew(path);
    const failing = Array.from({ length: 5 }, () => inTurn(() => Promise.reject(new Error('no memory'))));
    for (const one of failing) await expect(one).rejects.toThrow('no memory');
    expect(await inTurn(async () => 'done')).toBe('done');
  });
});
