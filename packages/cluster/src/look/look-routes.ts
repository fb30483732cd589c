import type { IncomingMessage } from 'node:http';
import { defaultProduct, failures, nameFault, scopeOfProduct, storedRoom } from '@gopush/contract';
import { type AdminRoute, respondJson, respondText } from '@gopush/service';
import { type Store, StoreError } from '@gopush/store';
import type { ClusterView } from '../view/cluster-view.ts';
import { type FoundRoom, lookUpRoom } from './look-up-room.ts';
import { type FoundUser, lookUpUser } from './look-up-user.ts';
import { search } from './search.ts';

/** What look-ups need. */
export interface LookOptions {
  /** The store and the view of it; `undefined`: this node shows no cluster. */
  readonly shown: () => { readonly store: Store; readonly view: ClusterView } | undefined;
  /** Setting `pushServer.isolateProducts`. */
  readonly isolateProducts: boolean;
  /** Why nothing is shown. */
  readonly none: string;
}

/** Longest name that is looked up, in bytes. */
const longest = 256;

/** The response to `GET /cluster/user`. */
export interface UserResponse extends Omit<FoundUser, 'nodes'> {
  readonly uid: string;
  readonly product: string;
  /** The push-servers with connections of the user; `name`: `null` if no summary tells it. */
  readonly nodes: readonly { readonly id: string; readonly name: string | null }[];
}

/** The response to `GET /cluster/room`. */
export interface RoomResponse extends FoundRoom {
  readonly room: string;
  readonly product: string;
}

/** A wrong question. */
class WrongQuery extends Error {}

/** The paths that look up a user, a room, or a failure code. They tell about people, so that all but the last need a key. */
export function createLookRoutes({ shown, isolateProducts, none }: LookOptions): Record<string, AdminRoute> {
  const look = (
    needs: AdminRoute['needs'],
    find: (query: URLSearchParams, parts: { readonly store: Store; readonly view: ClusterView }) => Promise<object>,
  ): AdminRoute => ({
    needs,
    async serve(request, response) {
      const parts = shown();
      if (parts === undefined) return respondText(response, 404, none);
      try {
        respondJson(response, 200, await find(queryOf(request), parts));
      } catch (error) {
        if (!(error instanceof WrongQuery || error instanceof StoreError)) throw error;
        const isWrong = error instanceof WrongQuery || error.code === 'bad_argument';
        respondText(response, isWrong ? 400 : 503, `${error.message}\n`);
      }
    },
  });
  return {
    'GET /cluster/user': look('key', async (query, { store, view }) => {
      const [uid, product] = [read(query, 'uid'), read(query, 'product', defaultProduct)];
      const found = await lookUpUser(store, uid, scopeOfProduct(product, isolateProducts));
      const names = await view.names();
      const nodes = found.nodes.map((id) => ({ id, name: names.get(id) ?? null }));
      return { uid, product, ...found, nodes } satisfies UserResponse;
    }),
    'GET /cluster/room': look('key', async (query, { store }) => {
      const [room, product] = [read(query, 'room'), read(query, 'product', defaultProduct)];
      const scope = scopeOfProduct(product, isolateProducts);
      const after = query.get('after') ?? undefined;
      const found = await lookUpRoom(store, storedRoom(room, scope), scope, after);
      return { room, product, ...found } satisfies RoomResponse;
    }),
    'GET /cluster/search': look('key', async (query, { store }) => {
      const [kind, product] = [query.get('kind'), read(query, 'product', defaultProduct)];
      if (kind !== 'user' && kind !== 'room')
        throw new WrongQuery(`kind: found ${kind ?? 'none'}, wanted user or room`);
      const prefix = query.get('prefix') ?? '';
      if (prefix !== '') read(query, 'prefix');
      return {
        kind,
        prefix,
        product,
        ...(await search(store, kind, prefix, scopeOfProduct(product, isolateProducts))),
      };
    }),
    'GET /cluster/failure': look('read', async (query, { view }) => {
      const code = read(query, 'code');
      const row = Object.hasOwn(failures, code) ? failures[code as keyof typeof failures] : undefined;
      const nodes = await view.occurrences(code);
      return { code, ...(row ?? { message: null }), count: nodes.reduce((sum, { count }) => sum + count, 0), nodes };
    }),
  };
}

function queryOf({ url = '' }: IncomingMessage): URLSearchParams {
  return new URLSearchParams(url.split('?', 2)[1]);
}

function read(query: URLSearchParams, name: string, otherwise?: string): string {
  const value = query.get(name) ?? otherwise;
  if (value === undefined) throw new WrongQuery(`${name}: found none, wanted one`);
  const fault = nameFault(value, longest);
  if (fault !== undefined) throw new WrongQuery(`${name}: found ${fault}, wanted 1 to ${longest} bytes of text`);
  return value;
}
