import {
  type Config,
  canMigrateHeader,
  type FailureCode,
  lastPositionsHeader,
  type Result,
  sessionTokenHeader,
} from '@gopush/contract';
import type { Logger } from '@gopush/service';
import type { HeaderWriter } from '../headers/header-writer.ts';
import { requestUpgrade, type UpgradeResponse } from '../proxy/upgrade/request-upgrade.ts';
import { type AgentRequest, recallRequest } from '../request/agent-request.ts';
import type { Fleet, Member } from '../route/fleet.ts';
import type { Tunnel } from '../tunnel/tunnel.ts';
import type { TunnelInfo } from '../tunnel/tunnel-info.ts';
import type { TunnelMigration } from '../tunnel/tunnel-migration.ts';
import { headerOf } from '../wire/response-head.ts';
import { writeHeaders, writeHost, writeRequestHead } from '../wire/write-head.ts';
import { chooseNext, membersWithoutRoute } from './next-target.ts';
import type { Pacer } from './pacer.ts';
import { type MigrationCause, SessionMigration, type SessionRequest } from './session-migration.ts';
import { readSkip, readTakeResponse } from './take-response.ts';
import type { FoundTarget, TakeOutcome } from './target-search.ts';
import { TargetSearches } from './target-searches.ts';

/** Why a session could not go to another target: its client is closed with 1012 and has to reconnect. */
export type FallbackCause =
  | 'unknown'
  | 'held too long'
  | 'refused'
  | 'stopping'
  | 'too many bytes'
  | 'client gone'
  /** The client was within an event of which it had sent more than `seamless.frameBytes`. */
  | 'event too large'
  /** The target ended within a frame. */
  | 'half a frame';

/** What is reported of sessions whose target is gone. */
export interface FailoverEvents {
  migrated(tunnel: Tunnel, from: Member, cause: MigrationCause, pauseMs: number): void;
  fellBack(tunnel: Tunnel, from: Member, cause: FallbackCause): void;
}

/** What failover needs. */
export interface FailoverOptions {
  readonly seamless: Config['seamless'];
  readonly agent: Pick<Config['agent'], 'connectTimeoutMs' | 'handshakeTimeoutMs'>;
  readonly fleet: Pick<Fleet, 'health' | 'leaves'>;
  readonly headers: Pick<HeaderWriter, 'ofIdentity'>;
  /** Asks the router which targets may serve a client now. */
  readonly route: (request: AgentRequest, info: TunnelInfo) => Promise<Result<{ readonly members: readonly Member[] }>>;
  /** Closes a tunnel whose session cannot be saved, when its turn comes. */
  readonly closeSoon: (tunnel: Tunnel) => void;
  readonly pacer: Pacer;
  readonly events: FailoverEvents;
  readonly log: Logger;
}

/** How long a session that another target has taken keeps its turn there without continuing, in milliseconds. */
const arrivalMs = 2_000;

/** Finds another target for each session whose target has given it, or is gone (docs/protocol.md, "Seamless restart"). */
export class Failover {
  readonly #options: FailoverOptions;
  readonly #searches: TargetSearches<UpgradeResponse, FallbackCause>;
  /** Ends the turns of sessions that a target has taken, and that do not continue yet. */
  readonly #arriving = new WeakMap<SessionMigration, FoundTarget<UpgradeResponse>['settled']>();
  /** Bytes that are kept for clients that wait. */
  #heldBytes = 0;
  #isClosed = false;

  constructor(options: FailoverOptions) {
    const { seamless, agent, pacer } = options;
    this.#options = options;
    this.#searches = new TargetSearches({ holdMs: seamless.holdMs, answerMs: agent.handshakeTimeoutMs }, pacer);
  }

  /**
   * What a tunnel needs so that its session can migrate.
   *
   * @returns `undefined` where its target does not take part, or migration is switched off
   */
  migrationOf({ head }: UpgradeResponse, request: SessionRequest): ((tunnel: Tunnel) => TunnelMigration) | undefined {
    const { enabled, frameBytes } = this.#options.seamless;
    const token = headerOf(head, sessionTokenHeader);
    // What was compressed with the help of earlier messages cannot be read by another target.
    if (!enabled || !token || headerOf(head, 'sec-websocket-extensions') !== undefined) return undefined;
    return (tunnel) => new SessionMigration(tunnel, { token, request, frameBytes, events: this });
  }

  /** @internal */
  onTargetLost(migration: SessionMigration, cause: MigrationCause): void {
    this.#findAnother(migration, cause).catch((error: unknown) => {
      this.#options.log.error({ err: error }, 'migrating a session failed');
      migration.tunnel.destroy('cut');
    });
  }

  /** @internal */
  onFrameCut({ tunnel }: SessionMigration): void {
    this.#options.events.fellBack(tunnel, tunnel.info.member, 'half a frame');
  }

  /** No session gets another target any more. */
  close(): void {
    this.#isClosed = true;
    this.#searches.close();
  }

  async #findAnother(migration: SessionMigration, cause: MigrationCause): Promise<void> {
    const { events, fleet, closeSoon } = this.#options;
    const { tunnel } = migration;
    const startedAt = performance.now();
    // The target that had just taken it is gone as well.
    this.#arriving.get(migration)?.(false);
    const from = tunnel.info.member;
    if (cause === 'planned') fleet.leaves(from.target);
    const { bytes } = migration.replay;
    this.#heldBytes += bytes;
    const outcome = this.#whyNot(migration) ?? (await this.#search(migration));
    this.#heldBytes -= bytes;
    if (typeof outcome !== 'string') {
      this.#arrive(migration, outcome, () => events.migrated(tunnel, from, cause, performance.now() - startedAt));
      return;
    }
    events.fellBack(tunnel, from, outcome);
    if (outcome === 'client gone') tunnel.destroy('client closed');
    else closeSoon(tunnel);
  }

  /** Why no target can continue with what is kept of the client. */
  #whyNot({ canReplay }: SessionMigration): FallbackCause | undefined {
    if (!canReplay) return 'event too large';
    return this.#heldBytes > this.#options.seamless.maxHeldBytes ? 'too many bytes' : undefined;
  }

  /** Other targets come first, then the one at the old address, which may have been started again. */
  #search(migration: SessionMigration): Promise<FoundTarget<UpgradeResponse> | FallbackCause> {
    const { fleet, route } = this.#options;
    const { tunnel, request } = migration;
    const { info } = tunnel;
    const from = info.member;
    const { hasTurn } = migration;
    migration.hasTurn = false;
    const asking = recallRequest(tunnel.client.socket, request.url, request.headers);
    return this.#searches.find({
      product: from.product,
      from,
      hasTurn,
      over: () => this.#whyOver(tunnel),
      members: async () => {
        const routed = await route(asking, info);
        return routed.ok ? routed.value.members : membersWithoutRoute(from);
      },
      choose: (members, tried) => chooseNext(info, members, tried, fleet.health.slowStartMs),
      ask: (member, timeoutMs, abandoned) => this.#ask(migration, { member, timeoutMs, abandoned }),
      release: ({ socket }) => socket.destroy(),
    });
  }

  #whyOver(tunnel: Tunnel): FallbackCause | undefined {
    const { destroyed, readableEnded } = tunnel.client.socket;
    if (destroyed || readableEnded) return 'client gone';
    return this.#isClosed || tunnel.isOver ? 'stopping' : undefined;
  }

  /** Asks a target to take a session. */
  async #ask(
    migration: SessionMigration,
    { member, timeoutMs, abandoned }: Asking,
  ): Promise<TakeOutcome<UpgradeResponse, FallbackCause>> {
    const { connectTimeoutMs } = this.#options.agent;
    const upstream = await requestUpgrade({
      target: member.target,
      request: this.#writeRequest(migration, member),
      key: migration.request.key,
      connectTimeoutMs: Math.min(connectTimeoutMs, timeoutMs),
      timeoutMs,
      client: migration.tunnel.client.socket,
      abandoned,
    });
    if (!upstream.ok) return outcomeOfFailure(upstream.failure.code);
    const outcome = readTakeResponse(upstream.value);
    if (typeof outcome === 'string' || 'noTarget' in outcome) upstream.value.socket.destroy();
    return outcome;
  }

  #writeRequest({ tunnel: { info }, request, token, positions }: SessionMigration, { target }: Member): string {
    const { id, uid, product } = info;
    const own = [
      ...this.#options.headers.ofIdentity({ uid, product }, id, target),
      ...[canMigrateHeader, '1', sessionTokenHeader, token],
      ...(positions === '' ? [] : [lastPositionsHeader, positions]),
    ];
    return writeRequestHead('GET', request.path, writeHost(request.headers, target) + writeHeaders(own));
  }

  /** The next target has taken the session. */
  #arrive(
    migration: SessionMigration,
    { taken, member, settled }: FoundTarget<UpgradeResponse>,
    onContinued: () => void,
  ): void {
    const { socket, head, early } = taken;
    const { tunnel } = migration;
    // It is counted as closed already.
    if (tunnel.isOver) {
      socket.destroy();
      settled(false);
      return;
    }
    const { info } = tunnel;
    info.member.tunnels--;
    member.tunnels++;
    info.member = member;
    // Whatever becomes of it, its turn ends.
    const late = setTimeout(settled, arrivalMs, false).unref();
    this.#arriving.set(migration, settled);
    const token = headerOf(head, sessionTokenHeader) ?? '';
    const hasArrived = migration.arrive({ socket, early, token, skip: readSkip(head) ?? 0 }, () => {
      clearTimeout(late);
      settled(true);
      onContinued();
    });
    if (!hasArrived) settled(false);
  }
}

/** One attempt to give a session to a target. */
interface Asking {
  readonly member: Member;
  readonly timeoutMs: number;
  readonly abandoned: AbortSignal;
}

function outcomeOfFailure(code: FailureCode): TakeOutcome<never, FallbackCause> {
  if (code === 'client_gone') return { noTarget: 'client gone' };
  return code === 'target_unreachable' || code === 'target_silent' ? 'gone' : 'refused';
}
