import { nameFault } from '@gopush/contract';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { describeStores, fresh, until } from './support/stores.ts';

const wide = { count: 1_000, ageMs: 60_000, bytes: 1_000_000 };
const text = (value: string): Buffer => Buffer.from(value);

describeStores('history', (open) => {
  test('offsets of a room go up by one, and what another node appended is read in order', async () => {
    const [one, two] = [await open(), await open()];
    const room = fresh('room');
    const first = await one.history.append(room, text('a'), wide);
    const second = await two.history.append(room, text('b'), wide);
    expect([first.offset, second.offset, first.duplicate]).toEqual([1, 2, false]);
    expect(second.epoch).toBe(first.epoch);
    const page = await one.history.read(room, 0, 10);
    expect(page).toMatchObject({ epoch: first.epoch, first: 1, last: 2 });
    expect(page.messages.map(({ offset, payload }) => [offset, payload.toString()])).toEqual([
      [1, 'a'],
      [2, 'b'],
    ]);
    expect(Math.abs((page.messages[0]?.at ?? 0) - Date.now())).toBeLessThan(60_000);
    expect((await two.history.read(room, 1, 10)).messages.map(({ offset }) => offset)).toEqual([2]);
    expect((await two.history.read(room, 0, 1)).messages.map(({ offset }) => offset)).toEqual([1]);
    expect((await two.history.read(room, 2, 10)).messages).toEqual([]);
    expect((await two.history.read(room, 0, 0)).messages).toEqual([]);
  });

  test('what is appended at once by two nodes is neither lost nor has it gaps', async () => {
    const nodes = [await open(), await open()];
    const room = fresh('room');
    const offsets = await Promise.all(
      Array.from({ length: 200 }, async (_, index) => {
        const node = nodes[index % 2];
        return (await node?.history.append(room, text(String(index)), wide))?.offset;
      }),
    );
    expect([...offsets].sort((a, b) => Number(a) - Number(b))).toEqual(
      Array.from({ length: 200 }, (_, index) => index + 1),
    );
    const { messages } = (await nodes[0]?.history.read(room, 0, 1_000)) ?? { messages: [] };
    for (const { offset, payload } of messages) expect(offsets[Number(payload)]).toBe(offset);
    expect(messages.length).toBe(200);
  });

  test('a key that was used gives the first offset again', async () => {
    const { history } = await open();
    const room = fresh('room');
    const first = await history.append(room, text('a'), wide, 'k');
    await history.append(room, text('b'), wide, 'l');
    expect(await history.append(room, text('c'), wide, 'k')).toEqual({ ...first, duplicate: true });
    expect((await history.read(room, 0, 10)).last).toBe(2);
    const [one, two] = await Promise.all([1, 2].map(() => history.append(room, text('d'), wide, 'm')));
    expect([one?.offset, two?.offset]).toEqual([3, 3]);
    expect([one?.duplicate, two?.duplicate].sort()).toEqual([false, true]);
  });

  test('keeps the newest by count and by bytes, and shows the gap', async () => {
    const { history } = await open();
    const room = fresh('room');
    for (let index = 0; index < 5; index++) await history.append(room, text('x'), { ...wide, count: 3 });
    expect(await history.read(room, 0, 10)).toMatchObject({ first: 3, last: 5 });
    await history.append(room, Buffer.alloc(8), { ...wide, bytes: 10 });
    expect(await history.read(room, 0, 10)).toMatchObject({ first: 4, last: 6 });
    await history.append(room, Buffer.alloc(100), { ...wide, bytes: 10 });
    const { first, messages } = await history.read(room, 0, 10);
    expect([first, messages.map(({ payload }) => payload.length)]).toEqual([7, [100]]);
  });

  test('drops what is too old, but a room in use keeps its epoch', async () => {
    const { history } = await open();
    const room = fresh('room');
    // Longer than a busy machine lets this test wait between two messages.
    const brief = { ...wide, ageMs: 1_000 };
    const { epoch } = await history.append(room, text('old'), brief, 'k');
    const later = await until(
      () => history.append(room, text('new'), brief, 'k'),
      ({ duplicate }) => !duplicate,
    ).catch((error: unknown) => error);
    // The key was forgotten with its message: the room, which had no other, has begun anew.
    expect(later).toMatchObject({ offset: 1 });
    expect((later as { epoch: string }).epoch).not.toBe(epoch);
    const begun = Date.now();
    while (Date.now() - begun < 1_200) {
      await history.append(room, text('more'), brief);
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
    const page = await history.read(room, 0, 1_000);
    expect(page.epoch).toBe((later as { epoch: string }).epoch);
    expect(page.first).toBeGreaterThan(1);
  });

  test('a room without messages disappears, and has another epoch when it comes again', async () => {
    const { history } = await open();
    const room = fresh('room');
    const { epoch } = await history.append(room, text('a'), { ...wide, ageMs: 50 });
    const gone = await until(
      () => history.read(room, 0, 10),
      (page) => page.epoch === undefined,
    );
    expect(gone).toEqual({ epoch: undefined, first: 1, last: 0, messages: [] });
    const again = await history.append(room, text('b'), wide);
    expect(again.offset).toBe(1);
    expect(again.epoch).not.toBe(epoch);
  });

  test('a removed room is forgotten with its keys', async () => {
    const { history } = await open();
    const room = fresh('room');
    const { epoch } = await history.append(room, text('a'), wide, 'k');
    await history.removed(room);
    await history.removed(room);
    expect((await history.read(room, 0, 10)).epoch).toBeUndefined();
    const again = await history.append(room, text('a'), wide, 'k');
    expect([again.offset, again.duplicate, again.epoch === epoch]).toEqual([1, false, false]);
  });

  test('rooms of any names are apart, and payloads of any bytes come back', async () => {
    const { history } = await open();
    const name = fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 12 })
      .filter((room) => nameFault(room, 400) === undefined);
    const names = fc.uniqueArray(name, { minLength: 1, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(names, fc.uint8Array({ maxLength: 300 }), async (rooms, bytes) => {
        for (const room of rooms) await history.removed(room);
        for (const [index, room] of rooms.entries()) {
          await history.append(room, Buffer.concat([Buffer.from(bytes), Buffer.from([index])]), wide, room);
        }
        for (const [index, room] of rooms.entries()) {
          const { messages } = await history.read(room, 0, 10);
          expect(messages.map(({ payload }) => payload)).toEqual([
            Buffer.concat([Buffer.from(bytes), Buffer.from([index])]),
          ]);
        }
      }),
      { numRuns: 25 },
    );
  });

  test('keeps what a simple model keeps', async () => {
    const { history } = await open();
    const step = fc.record({
      size: fc.nat(20),
      count: fc.integer({ min: 1, max: 6 }),
      bytes: fc.integer({ min: 1, max: 60 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 25 }), async (steps) => {
        const room = fresh('model');
        let model: { offset: number; size: number }[] = [];
        for (const [index, { size, count, bytes }] of steps.entries()) {
          await history.append(room, Buffer.alloc(size), { ...wide, count, bytes });
          model = [...model, { offset: index + 1, size }].slice(-count);
          while (model.length > 1 && model.reduce((sum, one) => sum + one.size, 0) > bytes) model.shift();
        }
        const { first, messages } = await history.read(room, 0, 100);
        expect(messages.map(({ offset, payload }) => ({ offset, size: payload.length }))).toEqual(model);
        expect(first).toBe(model[0]?.offset);
      }),
      { numRuns: 15 },
    );
  });

  test('refuses names and numbers out of range', async () => {
    const { history } = await open();
    const refused = { name: 'StoreError', code: 'bad_argument' };
    for (const room of ['', 'a\0b', '\ud800', 'x'.repeat(401)]) {
      await expect(history.append(room, text('a'), wide)).rejects.toMatchObject(refused);
    }
    await expect(history.append('r', text('a'), { ...wide, count: 0 })).rejects.toMatchObject(refused);
    await expect(history.read('r', -1, 1)).rejects.toMatchObject(refused);
  });

  test('answers no more after it was closed', async () => {
    const store = await open();
    expect(store.state()).toBe('up');
    await store.close();
    await store.close();
    await expect(store.history.read('r', 0, 1)).rejects.toMatchObject({ code: 'store_closed' });
    await expect(store.history.append('r', text('a'), wide)).rejects.toMatchObject({ code: 'store_closed' });
  });
});
