import { type Config, type Result, sessionTokenHeader } from '@gopush/contract';
import type { Logger } from '@gopush/service';
import type { HandOff } from '../hand-off/hand-off.ts';
import type { OfferResponse } from '../hand-off/offer-upgrade.ts';
import type { HeaderWriter } from '../headers/header-writer.ts';
import { requestUpgrade, type UpgradeResponse } from '../proxy/upgrade/request-upgrade.ts';
import { type AgentRequest, recallRequest } from '../request/agent-request.ts';
import type { SessionRequest } from '../request/session-request.ts';
import type { Fleet, Member } from '../route/fleet.ts';
import type { Tunnel } from '../tunnel/tunnel.ts';
import type { TunnelMigration } from '../tunnel/tunnel-migration.ts';
import { isCompressed } from '../wire/is-compressed.ts';
import { headerOf } from '../wire/response-head.ts';
import type { Abandonment } from './abandonment.ts';
import { askByEitherToken } from './ask-by-either-token.ts';
import { type FallbackCause, outcomeOfFailure } from './fallback-cause.ts';
import { type FindMembers, membersWithoutRoute } from './find-members.ts';
import { handSessionOver, offerSession } from './offer-session.ts';
import { PolicyChoices } from './policy-choices.ts';
import { SessionMigration } from './session-migration.ts';
import type { EarlierSearch, MigrationCause } from './session-without-target.ts';
import { writeTakeRequest } from './take-request.ts';
import { readSkip, readTakeResponse } from './take-response.ts';
import type { FoundTarget, TakeOutcome } from './target-search.ts';
import type { TargetSearches } from './target-searches.ts';

/** Events of sessions whose target is gone. */
export interface FailoverEvents {
  migrated(tunnel: Pick<Tunnel, 'info'>, from: Member, cause: MigrationCause, pauseMs: number): void;
  fellBack(tunnel: Pick<Tunnel, 'info'>, from: Member, cause: FallbackCause): void;
}

/** What failover needs. */
export interface FailoverOptions {
  readonly seamless: Config['seamless'];
  readonly agent: Pick<Config['agent'], 'connectTimeoutMs' | 'handshakeTimeoutMs'>;
  readonly fleet: Pick<Fleet, 'health' | 'leaves'>;
  readonly headers: Pick<HeaderWriter, 'ofIdentity'>;
  readonly findMembers: FindMembers;
  /** Closes a tunnel whose session cannot be saved, when its turn comes. */
  readonly closeSoon: (tunnel: Tunnel) => void;
  readonly searches: TargetSearches;
  readonly handOff: () => HandOff | undefined;
  readonly events: FailoverEvents;
  readonly log: Logger;
}

/** The response of a target that has taken a session: on a connection of its own, or on that of the client. */
type Taken = UpgradeResponse | OfferResponse;

/** How long a session that another target has taken keeps its turn there without continuing, in milliseconds. */
const arrivalMs = 2_000;

/** Finds another target for each session whose target has given it, or is gone (docs/protocol.md, "Seamless restart"). */
export class Failover {
  readonly #options: FailoverOptions;
  readonly #searches: TargetSearches;
  /** Ends the turns of sessions that a target has taken, and that do not continue yet. */
  readonly #arriving = new WeakMap<SessionMigration, FoundTarget<Taken>['settled']>();
  /** Bytes that are kept for clients that wait. */
  #heldBytes = 0;
  #isClosed = false;

  constructor(options: FailoverOptions) {
    this.#options = options;
    this.#searches = options.searches;
  }

  /** How many sessions wait for their next target. */
  get waiting(): number {
    return this.#searches.size;
  }

  /**
   * What a tunnel needs so that its session can migrate.
   *
   * @returns `undefined` if its target does not take part, or migration is switched off
   */
  migrationOf({ head }: UpgradeResponse, request: SessionRequest): ((tunnel: Tunnel) => TunnelMigration) | undefined {
    const token = headerOf(head, sessionTokenHeader);
    if (!token || isCompressed(head)) return undefined;
    return this.sessionOf(token, request);
  }

  /** The same for a session with this token. */
  sessionOf(token: string, request: SessionRequest): ((tunnel: Tunnel) => SessionMigration) | undefined {
    const { enabled, frameBytes } = this.#options.seamless;
    if (!enabled) return undefined;
    return (tunnel) => new SessionMigration(tunnel, { token, request, frameBytes, events: this });
  }

  /** @internal */
  onTargetLost(migration: SessionMigration, cause: MigrationCause, searched?: EarlierSearch): void {
    this.#findAnother(migration, cause, searched).catch((error: unknown) => {
      this.#options.log.error({ err: error }, 'migrating a session failed');
      migration.tunnel.destroy('cut');
    });
  }

  /** @internal */
  onFrameCut({ tunnel }: SessionMigration): void {
    this.#options.events.fellBack(tunnel, tunnel.info.member, 'half a frame written');
  }

  /** No session gets another target any more. */
  close(): void {
    this.#isClosed = true;
    this.#searches.close();
  }

  async #findAnother(migration: SessionMigration, cause: MigrationCause, searched?: EarlierSearch): Promise<void> {
    const { events, fleet, closeSoon } = this.#options;
    const { tunnel } = migration;
    const startedAt = searched?.startedAt ?? performance.now();
    // The target that had just taken it is gone as well.
    this.#arriving.get(migration)?.(false);
    const from = tunnel.info.member;
    if (cause === 'planned') fleet.leaves(from.target);
    const { bytes } = migration.halfSent;
    this.#heldBytes += bytes;
    const outcome = searched?.outcome ?? this.#whyNot(migration) ?? (await this.#search(migration));
    this.#heldBytes -= bytes;
    if (typeof outcome !== 'string') {
      this.#arrive(migration, outcome, () => events.migrated(tunnel, from, cause, performance.now() - startedAt));
      return;
    }
    events.fellBack(tunnel, from, outcome);
    if (outcome === 'client gone') tunnel.destroy('client closed');
    else closeSoon(tunnel);
  }

  /** Why no target can continue with the kept bytes of the client. */
  #whyNot({ canReplay }: SessionMigration): FallbackCause | undefined {
    if (!canReplay) return 'event too large';
    return this.#heldBytes > this.#options.seamless.maxHeldBytes ? 'too many bytes' : undefined;
  }

  /** Other targets come first, then the one at the old address, which may have been started again. */
  #search(migration: SessionMigration): Promise<FoundTarget<Taken> | FallbackCause> {
    const { fleet, findMembers } = this.#options;
    const { tunnel, request } = migration;
    const { info } = tunnel;
    const from = info.member;
    const { isPaced } = migration;
    migration.isPaced = false;
    let recalled: AgentRequest | undefined;
    const asking = (): AgentRequest => {
      recalled ??= recallRequest(tunnel.client.socket, info.address, request.url, request.headers);
      return recalled;
    };
    return this.#searches.find({
      product: from.product,
      from,
      isPaced,
      over: () => this.#whyOver(tunnel),
      members: async () => {
        const routed = await findMembers(asking, info);
        return routed.ok ? routed.value : membersWithoutRoute(from);
      },
      choices: new PolicyChoices(info, fleet.health.slowStartMs),
      ask: (member, timeoutMs, abandoned) =>
        askByEitherToken(migration, () => this.#ask(migration, { member, timeoutMs, abandoned })),
      release,
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
  ): Promise<TakeOutcome<Taken, FallbackCause>> {
    const { agent, handOff, headers } = this.#options;
    const { tunnel, token, positions } = migration;
    const asked = { info: tunnel.info, request: migration.request, token, positions };
    const request = writeTakeRequest(headers, asked, member.target);
    const response: Result<Taken> =
      (await offerSession(handOff(), { migration, member, request, timeoutMs, abandoned })) ??
      (await requestUpgrade({
        target: member.target,
        request,
        key: migration.request.key,
        connectTimeoutMs: Math.min(agent.connectTimeoutMs, timeoutMs),
        timeoutMs,
        client: migration.tunnel.client.socket,
        abandoned,
      }));
    if (!response.ok) return outcomeOfFailure(response.failure.code);
    const outcome = readTakeResponse(response.value);
    if (typeof outcome === 'string' || 'noTarget' in outcome) release(response.value);
    return outcome;
  }

  /** The next target has taken the session. */
  #arrive(migration: SessionMigration, { taken, member, settled }: FoundTarget<Taken>, onContinued: () => void): void {
    const { tunnel } = migration;
    // It is counted as closed already.
    if (tunnel.isOver) {
      release(taken);
      settled(false);
      return;
    }
    const { info } = tunnel;
    info.member.tunnels--;
    member.tunnels++;
    info.member = member;
    if ('offered' in taken) {
      void this.#handOver(migration, { taken, member, settled }, onContinued);
      return;
    }
    // Its turn ends in any case.
    const late = setTimeout(settled, arrivalMs, false).unref();
    this.#arriving.set(migration, settled);
    const { socket, head, early } = taken;
    const token = headerOf(head, sessionTokenHeader) ?? '';
    const hasArrived = migration.arrive({ socket, early, token, skip: readSkip(head) ?? 0 }, () => {
      clearTimeout(late);
      settled(true);
      onContinued();
    });
    if (!hasArrived) settled(false);
  }

  /** The next target gets the client itself. */
  async #handOver(
    migration: SessionMigration,
    { taken, member, settled }: FoundTarget<OfferResponse>,
    onContinued: () => void,
  ): Promise<void> {
    try {
      const hasContinued = await handSessionOver(this.#options.handOff() as HandOff, migration, taken, member);
      settled(hasContinued);
      if (hasContinued) onContinued();
    } catch (error) {
      settled(false);
      migration.tunnel.fault(error);
    }
  }
}

/** Ends what a target has begun for a session that is elsewhere. */
function release(taken: Taken): void {
  if ('offered' in taken) taken.offered.withdraw();
  else taken.socket.destroy();
}

/** One attempt to give a session to a target. */
interface Asking {
  readonly member: Member;
  readonly timeoutMs: number;
  readonly abandoned: Abandonment;
}
