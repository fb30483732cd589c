import { checkIntegers, checkNames } from '../bounds.ts';
import { type RegisteredNode, type RegistryStore, readNode } from '../registry.ts';
import { type ListWatch, watchList } from '../watch-list.ts';
import type { Database } from './database.ts';
import type { Environment } from './environment.ts';
import { afterAll, packJson, packTimed, timeOf, unpackTimed } from './values.ts';

/**
 * Keys: `node id` → end of the lease, and the node as JSON.
 *
 * @param kind - the first part of the keys: each registry has its own
 */
export function createRegistry(environment: Environment, kind = 'node'): RegistryStore & { close(): void } {
  const watches = new Set<ListWatch>();
  const list = (): Promise<readonly RegisteredNode[]> =>
    environment.read((db) => {
      const now = environment.now();
      return nodes(db, kind).flatMap(({ value }) => {
        const { at, payload } = unpackTimed(value);
        return (at > now && readNode(payload)) || [];
      });
    });
  return {
    list,
    async announce(node, leaseMs) {
      checkNames(node.id);
      checkIntegers(1, { leaseMs });
      await environment.write((db) => {
        const now = environment.now();
        for (const { key, value } of [...nodes(db, kind)]) if (timeOf(value) <= now) db.remove(key);
        db.put([kind, node.id], packTimed(now + leaseMs, packJson(node)));
      });
    },
    async withdraw(id) {
      checkNames(id);
      await environment.write((db) => void db.remove([kind, id]));
    },
    watch(listener) {
      const { forgotten } = environment;
      // The environment watches the file by itself.
      const watch = watchList({ list, forgotten, checkForgotten: async () => {} }, listener);
      watches.add(watch);
      return () => {
        watch.stop();
        watches.delete(watch);
      };
    },
    close() {
      for (const watch of watches) watch.stop();
    },
  };
}

function nodes(db: Database, kind: string) {
  return [...db.getRange({ start: [kind], end: [kind, afterAll] })];
}
