import type { Store } from '@gopush/store';
import { readHistory, readRouter, readSummary } from '../summary/read-summary.ts';
import type { RouterState } from '../summary/router-state.ts';
import type { ClusterState } from './cluster-state.ts';
import { type ClusterHistory, joinHistory } from './join-history.ts';
import { joinNodes } from './join-nodes.ts';
import { goneMs, isThere, judgeNodes, type KnownNode } from './known-node.ts';

/** What a view of the cluster is made of. */
export interface ClusterViewOptions {
  readonly store: Pick<Store, 'kind' | 'state' | 'problem' | 'summaries'>;
  /** Id of this node among the summaries. */
  readonly id: string;
  /** Name of this node. */
  readonly name: string;
}

/** For how long what was read is shown, in milliseconds: nodes write each second. */
const freshMs = 900;

/** What was read from the store. */
interface Reading {
  /** In milliseconds since 1970. */
  readonly at: number;
  readonly nodes: readonly KnownNode[];
  readonly unread: number;
  /** Those of them whose nodes are there. */
  readonly unreadThere: number;
}

/** Shows the whole cluster. It reads the store only while somebody looks, and once for all who look. */
export class ClusterView {
  readonly #options: ClusterViewOptions;
  #last: { readonly reading: Reading; readonly readAt: number } | undefined;
  #reading: Promise<Reading> | undefined;
  #state: { readonly of: Reading; readonly store: string; readonly state: ClusterState } | undefined;

  constructor(options: ClusterViewOptions) {
    this.#options = options;
  }

  /**
   * The cluster as it is now; while the store is down, as it was last.
   *
   * @throws StoreError if the store has never been read
   */
  async state(): Promise<ClusterState> {
    const reading = await this.#read();
    const store = this.#options.store.state();
    // All who look at the same reading get the same object.
    if (this.#state?.of !== reading || this.#state.store !== store)
      this.#state = { of: reading, store, state: this.#join(reading) };
    return this.#state.state;
  }

  /**
   * The last 15 minutes.
   *
   * @throws StoreError if the store has never been read
   */
  async history(): Promise<ClusterHistory> {
    const { nodes, at } = await this.#read();
    const told = nodes.flatMap(({ summary: { tier, historyEndedMs: endedMs }, ageMs, history: bytes }) => {
      const history = readHistory(bytes);
      return history === undefined ? [] : [{ tier, ageMs, endedMs, history }];
    });
    return joinHistory(told, at);
  }

  /** The router of one of the agents that are there, shortened; `undefined`: none of them tells its router. */
  async router(): Promise<RouterState | undefined> {
    const { nodes } = await this.#read();
    for (const node of nodes.toSorted((a, b) => a.ageMs - b.ageMs)) {
      const router = isThere(node) ? readRouter(node.router) : undefined;
      if (router !== undefined) return { v: 1, by: node.summary.name, ...router };
    }
    return undefined;
  }

  /** Names of nodes by id. */
  async names(): Promise<ReadonlyMap<string, string>> {
    const { nodes } = await this.#read();
    return new Map(nodes.map(({ summary: { id, name } }) => [id, name]));
  }

  /** What actions need to know of a node; `undefined`: there is none with this id. */
  async node(
    id: string,
  ): Promise<{ readonly name: string; readonly isThere: boolean; readonly can: readonly string[] } | undefined> {
    const { nodes } = await this.#read();
    const found = nodes.find(({ summary }) => summary.id === id);
    return found && { name: found.summary.name, isThere: isThere(found), can: found.summary.can };
  }

  /** How often a refusal or fallback has occurred at each node that is there, most often first. */
  async occurrences(cause: string): Promise<{ readonly name: string; readonly count: number }[]> {
    const { nodes } = await this.#read();
    const counted = nodes.filter(isThere).map(({ summary: { name, refusals, fallbacks } }) => {
      const all = [...refusals, ...fallbacks].filter((one) => one.cause === cause);
      return { name, count: all.reduce((sum, { count }) => sum + count, 0) };
    });
    return counted.filter(({ count }) => count > 0).sort((a, b) => b.count - a.count);
  }

  #join({ at, nodes, unread, unreadThere }: Reading): ClusterState {
    const { store, name } = this.#options;
    const problem = store.problem();
    const { kind } = store;
    return joinNodes(nodes, {
      at,
      by: name,
      store: { kind, state: store.state(), ...(problem === undefined ? {} : { problem }) },
      unread,
      unreadThere,
    });
  }

  async #read(): Promise<Reading> {
    if (this.#last !== undefined && performance.now() - this.#last.readAt < freshMs) return this.#last.reading;
    this.#reading ??= this.#readStore().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading.catch((error: unknown) => {
      if (this.#last === undefined) throw error;
      return this.#last.reading;
    });
  }

  async #readStore(): Promise<Reading> {
    const { store, id } = this.#options;
    const { kept, damaged } = await store.summaries.read();
    let unread = damaged;
    let unreadThere = 0;
    const read = kept.flatMap(({ id: key, payload, ageMs }) => {
      const stored = readSummary(payload);
      // A summary under another id could hide that of the node it claims to be of.
      if (stored?.summary.id === key) return [{ ...stored, ageMs }];
      unread++;
      if (ageMs <= goneMs) unreadThere++;
      return [];
    });
    const reading = { at: Date.now(), nodes: judgeNodes(read, id), unread, unreadThere };
    this.#last = { reading, readAt: performance.now() };
    return reading;
  }
}
