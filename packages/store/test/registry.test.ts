import { expect, onTestFinished, test } from 'vitest';
import type { RegisteredNode, Store } from '../src/index.ts';
import { describeStores, fresh, until } from './support/stores.ts';

const node = (id: string, change: Partial<RegisteredNode> = {}): RegisteredNode => ({
  id,
  tier: 'push-server',
  host: '127.0.0.1',
  port: 8_000,
  weight: 1,
  load: 0,
  state: 'ready',
  ...change,
});
const lease = 60_000;

/** Takes down each list that a watch tells, and waits for one. */
function watching(store: Store) {
  const lists: (readonly RegisteredNode[])[] = [];
  let told = (): void => {};
  const stop = store.registry.watch((nodes) => {
    lists.push(nodes);
    told();
  });
  onTestFinished(stop);
  return {
    lists,
    stop,
    async hears(isSo: (nodes: readonly RegisteredNode[]) => boolean): Promise<void> {
      for (let last = lists.at(-1); last === undefined || !isSo(last); last = lists.at(-1))
        await new Promise<void>((resolve) => (told = resolve));
    },
  };
}

describeStores('registry', (open) => {
  test('every node sees who is there, as announced last, in order', async () => {
    const [one, two] = [await open(), await open()];
    const [a, b] = [fresh('a'), fresh('b')];
    await two.registry.announce(node(b, { products: ['chat', 'ü'] }), lease);
    await one.registry.announce(node(a), lease);
    await one.registry.announce(node(a, { load: 7, state: 'draining' }), lease);
    expect(await two.registry.list()).toEqual([
      node(a, { load: 7, state: 'draining' }),
      node(b, { products: ['chat', 'ü'] }),
    ]);
    await one.registry.withdraw(a);
    await one.registry.withdraw(a);
    expect(await two.registry.list()).toEqual([node(b, { products: ['chat', 'ü'] })]);
    await one.registry.withdraw(b);
  });

  test('a node whose lease ran out is not there, one that renews is', async () => {
    const { registry } = await open();
    const [brief, long] = [fresh('brief'), fresh('long')];
    await registry.announce(node(brief), 60);
    await registry.announce(node(long), 60);
    await registry.announce(node(long), lease);
    const nodes = await until(
      () => registry.list(),
      (list) => list.length < 2,
    );
    expect(nodes.map(({ id }) => id)).toEqual([long]);
    await registry.withdraw(long);
  });

  test('a watch tells the list at the begin and after each change, until it is stopped', async () => {
    const [one, two] = [await open(), await open()];
    const [a, b] = [fresh('a'), fresh('b')];
    await one.registry.announce(node(a), lease);
    const watch = watching(two);
    await watch.hears((nodes) => nodes.some(({ id }) => id === a));
    await one.registry.announce(node(a, { load: 3 }), lease);
    await watch.hears((nodes) => nodes[0]?.load === 3);
    await one.registry.announce(node(b), 1_500);
    await watch.hears((nodes) => nodes.length === 2);
    await watch.hears((nodes) => nodes.length === 1);
    const heard = watch.lists.length;
    watch.stop();
    const other = watching(two);
    await one.registry.withdraw(a);
    await other.hears((nodes) => nodes.length === 0);
    expect(watch.lists.length).toBe(heard);
  });
});
