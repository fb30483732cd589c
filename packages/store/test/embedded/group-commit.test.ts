import { expect, test } from 'vitest';
import type { Database } from '../../src/embedded/database.ts';
import { GroupCommit } from '../../src/embedded/group-commit.ts';

/** A database whose transactions begin and are committed when the test wants. */
function start() {
  const transactions: { begin(): void; commit(): void; fail(error: Error): void }[] = [];
  const database = {
    transaction: (work: () => void) =>
      new Promise<void>((resolve, reject) => transactions.push({ begin: work, commit: resolve, fail: reject })),
  } as unknown as Database;
  const writes = new GroupCommit(database);
  const order: string[] = [];
  const write = (name: string): Promise<string> =>
    writes.run(() => {
      order.push(name);
      return name;
    });
  const transaction = (index: number) => transactions[index] as (typeof transactions)[0];
  return { transactions, transaction, writes, write, order };
}

test('writes that come while the lock is awaited share a transaction, in order, and end when it is committed', async () => {
  const { transactions, transaction, write, order } = start();
  const done: string[] = [];
  const all = ['a', 'b', 'c'].map((name) => write(name).then((result) => done.push(result)));
  expect(transactions.length).toBe(1);
  transaction(0).begin();
  await new Promise(setImmediate);
  expect([order, done]).toEqual([['a', 'b', 'c'], []]);
  // It comes during the commit.
  const late = write('late');
  expect(transactions.length).toBe(2);
  transaction(0).commit();
  await Promise.all(all);
  expect(done).toEqual(['a', 'b', 'c']);
  transaction(1).begin();
  transaction(1).commit();
  expect(await late).toBe('late');
});

test('a write that throws fails alone', async () => {
  const { transaction, writes, write } = start();
  const [one, bad, other] = [
    write('one'),
    writes.run(() => {
      throw new Error('bad');
    }),
    write('other'),
  ];
  transaction(0).begin();
  transaction(0).commit();
  await expect(bad).rejects.toThrow('bad');
  expect(await Promise.all([one, other])).toEqual(['one', 'other']);
});

test('where a commit fails its writes fail, and those after it are tried', async () => {
  const { transaction, write } = start();
  const failed = write('failed');
  transaction(0).begin();
  const next = write('next');
  transaction(0).fail(new Error('no space'));
  await expect(failed).rejects.toThrow('no space');
  transaction(1).begin();
  transaction(1).commit();
  expect(await next).toBe('next');
});

test('where a transaction cannot begin, those that wait for it fail', async () => {
  const { transaction, write } = start();
  const both = [write('a'), write('b')];
  transaction(0).fail(new Error('closed'));
  for (const one of both) await expect(one).rejects.toThrow('closed');
});

test('a transaction has so many writes at most, and the rest come in the next one', async () => {
  const { transactions, transaction, write, order } = start();
  const all = Array.from({ length: 300 }, (_, index) => write(String(index)));
  transaction(0).begin();
  expect(order.length).toBe(256);
  transaction(0).commit();
  await all[0];
  expect(transactions.length).toBe(2);
  transaction(1).begin();
  transaction(1).commit();
  expect((await Promise.all(all)).length).toBe(300);
});
