import type { RouterFacts } from '../summary/router-state.ts';
import type { Summary, TargetSummary } from '../summary/summary.ts';

/** A target with totals from which the announcer makes a rate. */
export interface TargetFacts extends Omit<TargetSummary, 'perSecond' | 'causes'> {
  /** Messages each way of connections, and requests, so far. */
  readonly messages: number;
  /** Failures by code. @defaultValue none */
  readonly causes?: Iterable<readonly [string, number]>;
}

/** A room with a total from which the announcer makes a rate. */
export interface RoomFacts {
  readonly room: string;
  readonly members: number;
  /** Messages that its history has ever had; `undefined`: not known. */
  readonly published?: number | undefined;
}

/** The facts that a tier reports about its node, about once a second. Long lists are cut by the announcer. */
export interface NodeFacts {
  readonly state: 'starting' | 'ready' | 'impaired' | 'draining';
  readonly why?: string | undefined;
  readonly address?: string | undefined;
  readonly adminUrl?: string | undefined;
  readonly loopDelayMs: number;
  readonly clients: Summary['clients'];
  readonly totals: Summary['totals'];
  readonly migrations: Omit<Summary['migrations'], 'longestPauseMs' | 'p99PauseMs'>;
  readonly fallbacks: Iterable<readonly [string, number]>;
  readonly refusals: Iterable<readonly [string, number]>;
  readonly targets: readonly TargetFacts[];
  readonly rooms: Iterable<RoomFacts>;
  /** The router of an agent: the same object until it changes. */
  readonly router?: RouterFacts;
}
