import type { KeptSummary, Store, SummaryStore } from '@gopush/store';
import type { RouterFacts } from '../../src/summary/router-state.ts';
import type { HistorySummary, Summary } from '../../src/summary/summary.ts';

const zeros = (): number[] => new Array<number>(90).fill(0);

/** Bytes of a summary, however odd it is. */
export function payloadOf({
  history,
  router,
  ...summary
}: Omit<WholeSummary, 'history' | 'router'> & { readonly history?: unknown; readonly router?: unknown }): Buffer {
  const last = router === undefined ? '' : `\n${JSON.stringify(router)}`;
  return Buffer.from(`${JSON.stringify(summary)}\n${JSON.stringify(history)}${last}`);
}

/** A summary with its history. */
export type WholeSummary = Summary & { readonly history: HistorySummary; readonly router?: RouterFacts };

/** A summary of a node that does nothing. */
export function summaryOf(id: string, change: Partial<WholeSummary> = {}): WholeSummary {
  return {
    v: 1,
    id,
    tier: 'push-server',
    name: `name of ${id}`,
    host: 'host',
    machine: 'host/boot',
    pid: 1,
    version: '0.2.0',
    upMs: 60_000,
    state: 'ready',
    process: { loopDelayMs: 1, rssBytes: 50_000_000, heapBytes: 20_000_000, cpu: 0.01 },
    clients: { connections: 0, handedOff: 0, ownedAlone: 0, held: 0, rooms: 0, users: 0, queuedBytes: 0 },
    totals: { messages: 0, deliveries: 0, requests: 0, handedOff: 0, notKept: 0, gaps: 0 },
    perSecond: { messages: 0, deliveries: 0, requests: 0, handedOff: 0 },
    migrations: {
      ...{ given: 0, taken: 0, migrated: 0, failedOver: 0, fellBack: 0 },
      ...{ longestPauseMs: 0, p99PauseMs: 0 },
    },
    fallbacks: [],
    refusals: [],
    targets: [],
    rooms: [],
    moves: [],
    can: [],
    actions: [],
    store: { kind: 'embedded', state: 'up', latencyMs: 1 },
    historyEndedMs: 0,
    history: {
      stepMs: 10_000,
      connections: zeros(),
      messages: zeros(),
      deliveries: zeros(),
      migrated: zeros(),
      failedOver: zeros(),
      fellBack: zeros(),
      pauseMs: zeros(),
      loopDelayMs: zeros(),
      storeMs: zeros(),
      refusals: [],
    },
    ...change,
  };
}

/** A store in memory whose time a test sets, and whose calls can fail or wait. */
export class MemorySummaries implements SummaryStore {
  /** The command that waits for each node. */
  readonly commands = new Map<string, Buffer>();
  readonly kept = new Map<string, { readonly payload: Buffer; readonly at: number }>();
  now = 0;
  reads = 0;
  writes = 0;
  damaged = 0;
  /** What calls wait for; one that rejects fails them. */
  until: Promise<unknown> = Promise.resolve();

  async write(id: string, payload: Buffer): Promise<Buffer | undefined> {
    this.writes++;
    await this.until;
    this.kept.set(id, { payload, at: this.now });
    const command = this.commands.get(id);
    this.commands.delete(id);
    return command;
  }

  async send(id: string, command: Buffer): Promise<boolean> {
    await this.until;
    if (this.commands.has(id)) return false;
    this.commands.set(id, command);
    return true;
  }

  async read(): Promise<{ readonly kept: readonly KeptSummary[]; readonly damaged: number }> {
    this.reads++;
    await this.until;
    const kept = [...this.kept].map(([id, { payload, at }]) => ({ id, payload, ageMs: this.now - at }));
    return { kept, damaged: this.damaged };
  }

  /** Puts a summary in as another node would. */
  put(summary: WholeSummary, at = this.now): void {
    this.kept.set(summary.id, { payload: payloadOf(summary), at });
  }
}

/** The parts of a store that show the cluster, with such summaries. */
export function storeOf(
  summaries: SummaryStore,
): Pick<Store, 'kind' | 'state' | 'problem' | 'usedBytes' | 'summaries'> {
  return { kind: 'embedded', state: () => 'up', problem: () => undefined, usedBytes: () => 4_096, summaries };
}
