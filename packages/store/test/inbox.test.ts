import fc from 'fast-check';
import { expect, test } from 'vitest';
import { describeStores, fresh, until } from './support/stores.ts';

const long = { ttlMs: 60_000 };
const wide = { count: 100, bytes: 10_000 };
const text = (value: string): Buffer => Buffer.from(value);

describeStores('inbox', (open) => {
  test('what was put waits in order, for any node, until it is acknowledged', async () => {
    const [one, two] = [await open(), await open()];
    const uid = fresh('uid');
    const a = await one.inbox.put(uid, { id: 'a', payload: text('A'), ...long }, wide);
    const b = await two.inbox.put(uid, { id: 'b', payload: text('B'), ...long }, wide);
    const c = await one.inbox.put(uid, { id: 'c', payload: Buffer.alloc(0), ...long }, wide);
    expect([a.state, a.seq < b.seq, b.seq < c.seq]).toEqual(['stored', true, true]);
    const all = await two.inbox.pending(uid, 0, 10);
    expect(all.map(({ seq, id, payload }) => [seq, id, payload.toString()])).toEqual([
      [a.seq, 'a', 'A'],
      [b.seq, 'b', 'B'],
      [c.seq, 'c', ''],
    ]);
    expect((await two.inbox.pending(uid, a.seq, 1)).map(({ id }) => id)).toEqual(['b']);
    expect(await two.inbox.pending(uid, 0, 0)).toEqual([]);
    expect(await one.inbox.ack(uid, ['b', 'b', 'never'])).toBe(1);
    expect(await two.inbox.ack(uid, ['b'])).toBe(0);
    expect(await Promise.all(['a', 'b', 'never'].map((id) => two.inbox.status(uid, id)))).toEqual([
      'waiting',
      'acked',
      'unknown',
    ]);
    expect((await one.inbox.pending(uid, 0, 10)).map(({ id }) => id)).toEqual(['a', 'c']);
    expect(await one.inbox.ack(uid, [])).toBe(0);
    expect(await one.inbox.ack(fresh('nobody'), ['a'])).toBe(0);
  });

  test('an id is put once, even after it was acknowledged', async () => {
    const { inbox } = await open();
    const uid = fresh('uid');
    const put = () => inbox.put(uid, { id: 'a', payload: text('A'), ...long }, wide);
    const results = await Promise.all(Array.from({ length: 10 }, put));
    expect(results.filter(({ state }) => state === 'stored').length).toBe(1);
    expect(new Set(results.map(({ seq }) => seq)).size).toBe(1);
    await inbox.ack(uid, ['a']);
    expect(await put()).toEqual({ state: 'duplicate', seq: 0 });
    expect(await inbox.pending(uid, 0, 10)).toEqual([]);
  });

  test('a full inbox takes nothing more until something is acknowledged', async () => {
    const { inbox } = await open();
    const uid = fresh('uid');
    const bounds = { count: 2, bytes: 10 };
    const put = (id: string, size: number) => inbox.put(uid, { id, payload: Buffer.alloc(size), ...long }, bounds);
    const full = { name: 'StoreError', code: 'inbox_full' };
    await put('a', 5);
    await expect(put('b', 6)).rejects.toMatchObject(full);
    await put('b', 5);
    await expect(put('c', 0)).rejects.toMatchObject(full);
    expect((await put('a', 5)).state).toBe('duplicate');
    await inbox.ack(uid, ['a']);
    expect((await put('c', 5)).state).toBe('stored');
    expect((await inbox.pending(uid, 0, 10)).map(({ id }) => id)).toEqual(['b', 'c']);
  });

  test('what has expired is gone and makes room, and numbers still go up', async () => {
    const { inbox } = await open();
    const uid = fresh('uid');
    const bounds = { count: 1, bytes: 10 };
    const { seq } = await inbox.put(uid, { id: 'a', payload: text('A'), ttlMs: 60 }, bounds);
    await until(
      () => inbox.pending(uid, 0, 10),
      (waiting) => waiting.length === 0,
    );
    expect(await inbox.status(uid, 'a')).toBe('unknown');
    expect(await inbox.ack(uid, ['a'])).toBe(0);
    const again = await inbox.put(uid, { id: 'a', payload: text('A'), ttlMs: 1_500 }, bounds);
    expect([again.state, again.seq > seq]).toEqual(['stored', true]);
    await inbox.ack(uid, ['a']);
    expect(await inbox.status(uid, 'a')).toBe('acked');
    await until(
      () => inbox.status(uid, 'a'),
      (status) => status === 'unknown',
    );
    expect((await inbox.put(uid, { id: 'a', payload: text('A'), ...long }, bounds)).state).toBe('stored');
  });

  test('keeps what a simple model keeps', async () => {
    const { inbox } = await open();
    const id = fc.constantFrom('a', 'b', 'ü', '{', 'e}');
    const step = fc.oneof(fc.record({ put: id, size: fc.nat(6) }), fc.record({ ack: fc.array(id, { maxLength: 3 }) }));
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        const uid = fresh('model');
        const bounds = { count: 3, bytes: 10 };
        const acked = new Set<string>();
        const waiting = new Map<string, number>();
        const ack = async (ids: readonly string[]): Promise<void> => {
          const expected = ids.filter((each) => waiting.delete(each) && acked.add(each));
          expect(await inbox.ack(uid, ids)).toBe(expected.length);
        };
        const put = async (name: string, size: number): Promise<void> => {
          const bytes = [...waiting.values()].reduce((sum, each) => sum + each, 0);
          const known = acked.has(name) || waiting.has(name);
          const full = !known && (waiting.size >= bounds.count || bytes + size > bounds.bytes);
          const said = await inbox
            .put(uid, { id: name, payload: Buffer.alloc(size), ...long }, bounds)
            .catch((error) => error);
          expect(said.code ?? said.state).toBe(full ? 'inbox_full' : known ? 'duplicate' : 'stored');
          if (!known && !full) waiting.set(name, size);
        };
        for (const one of steps) await ('ack' in one ? ack(one.ack) : put(one.put, one.size));
        const found = await inbox.pending(uid, 0, 100);
        expect(found.map((one) => [one.id, one.payload.length])).toEqual([...waiting]);
      }),
      { numRuns: 15 },
    );
  });

  test('what waits is given by pages of bounded size', async () => {
    const { inbox } = await open();
    const uid = fresh('u');
    const large = { count: 10, bytes: 20_000_000 };
    for (const id of ['a', 'b', 'c', 'd', 'e']) {
      await inbox.put(uid, { id, payload: Buffer.alloc(id === 'a' ? 5_000_000 : 1_500_000), ttlMs: 60_000 }, large);
    }
    const pages: string[] = [];
    for (let after = 0; pages.join('').length < 5; ) {
      const page = await inbox.pending(uid, after, 100);
      pages.push(page.map(({ id }) => id).join(''));
      after = page.at(-1)?.seq ?? after;
    }
    expect(pages).toEqual(['a', 'bc', 'de']);
  });
});
