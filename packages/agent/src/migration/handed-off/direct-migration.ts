import { type Config, sessionTokenHeader, type Target } from '@gopush/contract';
import type { Giver } from '@gopush/hand-off';
import type { HandOff } from '../../hand-off/hand-off.ts';
import { type Handed, HandedClient } from '../../hand-off/handed-client.ts';
import { type OfferResponse, offerUpgrade } from '../../hand-off/offer-upgrade.ts';
import { fitsRecord, type HandOffRecord, infoOf, writeRecord } from '../../hand-off/record.ts';
import type { HeaderWriter } from '../../headers/header-writer.ts';
import type { AgentRequest } from '../../request/agent-request.ts';
import type { Fleet, Member } from '../../route/fleet.ts';
import type { TunnelInfo } from '../../tunnel/tunnel-info.ts';
import { headerOf } from '../../wire/response-head.ts';
import type { Abandonment } from '../abandonment.ts';
import { askByEitherToken } from '../ask-by-either-token.ts';
import { type FallbackCause, outcomeOfFailure } from '../fallback-cause.ts';
import { type FindMembers, membersWithoutRoute } from '../find-members.ts';
import { GivenPositions } from '../given-positions.ts';
import { PolicyChoices } from '../policy-choices.ts';
import type { EarlierSearch, MigrationCause } from '../session-without-target.ts';
import { writeTakeRequest } from '../take-request.ts';
import { readSkip, readTakeResponse } from '../take-response.ts';
import type { FoundTarget, TakeOutcome } from '../target-search.ts';
import type { TargetSearches } from '../target-searches.ts';
import { acceptsConnections } from './accepts-connections.ts';

/** How long a push-server that listens again may take until it takes hand-offs, in milliseconds. */
const opensWithinMs = 1_000;

/** What a direct migration needs. */
export interface DirectMigrationContext {
  readonly headers: Pick<HeaderWriter, 'ofIdentity'>;
  readonly fleet: Pick<Fleet, 'health' | 'leaves'>;
  readonly seamless: Pick<Config['seamless'], 'enabled'>;
  readonly searches: TargetSearches;
  readonly findMembers: FindMembers;
  readonly handOff: () => HandOff | undefined;
  /** The next target has the client. */
  readonly onMigrated: (info: TunnelInfo, from: Member, cause: MigrationCause, pauseMs: number) => void;
}

/** A session whose target is gone, and of which the agent has the duplicate of its client's connection. */
export interface OrphanedSession {
  readonly handed: Handed;
  readonly record: HandOffRecord;
  readonly cause: MigrationCause;
  /** The positions that the client was given, as the header of the next request has them. */
  readonly positions: string;
}

/**
 * The migration of one session from a target that is gone to the next one, which is offered the agent's duplicate of the connection. A tunnel for
 * the time in between would take several times as long to make, and thousands may wait when a target dies. A session that cannot continue this way
 * gets a tunnel: {@link needsTunnel}.
 */
export class DirectMigration {
  readonly #session: OrphanedSession;
  readonly #context: DirectMigrationContext;
  readonly #info: TunnelInfo;
  readonly #startedAt = performance.now();
  /** How the session is asked for: its token, and the positions that the client was given. */
  #name: { readonly token: string; readonly positions: string };
  #abandoned: Abandonment | undefined;
  /** Whether it is over here: its session continues, has ended, or gets a tunnel. */
  #isOver = false;
  /** When a target was seen first that listened and took no hand-offs, in time of `performance.now()`. */
  #listensSince: number | undefined;
  /** Whether the client has left: nobody reads from it here. */
  #isClientGone = false;
  /** Whether the router wants to know more of the client than there is without a tunnel. */
  #isAskedForRequest = false;

  constructor(session: OrphanedSession, context: DirectMigrationContext) {
    const { record, positions } = session;
    this.#session = session;
    this.#name = { token: record.token ?? '', positions };
    this.#context = context;
    this.#info = infoOf(session.record, session.handed.user.member);
  }

  /** Whether a session can migrate this way. */
  static fits({ handed, record }: OrphanedSession, { seamless }: DirectMigrationContext): boolean {
    // A function that names targets is given the request with its socket.
    return (
      seamless.enabled && record.token !== undefined && !handed.user.member.product.byFunction && fitsRecord(record)
    );
  }

  /**
   * Finds the next target, and hands the client over.
   *
   * @returns `continues`: that target has the client; `ended`: the connection ended as it was handed over; an {@link
   * EarlierSearch}: the session needs a tunnel; `undefined`: it has got one meanwhile
   */
  async run(): Promise<'continues' | 'ended' | EarlierSearch | undefined> {
    const { handed, cause } = this.#session;
    const from = this.#info.member;
    const { fleet, searches } = this.#context;
    if (cause === 'planned') fleet.leaves(from.target);
    const { isPaced } = handed.user;
    const found = await searches.find<OfferResponse, FallbackCause | 'needs a tunnel'>({
      product: from.product,
      from,
      isPaced,
      over: () => this.#whyOver(),
      members: () => this.#members(from),
      choices: new PolicyChoices(this.#info, fleet.health.slowStartMs),
      ask: (member, timeoutMs, abandoned) => {
        this.#abandoned = abandoned;
        return askByEitherToken(this, () => this.#offer(member, timeoutMs, abandoned));
      },
      release: ({ offered }) => offered.withdraw(),
    });
    if (this.#isOver) {
      if (typeof found === 'object') release(found);
      return undefined;
    }
    if (typeof found === 'object') return this.#handOver(found);
    this.#isOver = true;
    return { startedAt: this.#startedAt, outcome: found === 'needs a tunnel' ? undefined : found };
  }

  /** It gets a tunnel now. */
  needsTunnel(): EarlierSearch {
    this.#isOver = true;
    this.#abandoned?.abort();
    return { startedAt: this.#startedAt, outcome: undefined };
  }

  #whyOver(): FallbackCause | 'needs a tunnel' | undefined {
    if (this.#isOver || this.#isAskedForRequest) return 'needs a tunnel';
    return this.#isClientGone || this.#session.handed.state !== 'alone' ? 'client gone' : undefined;
  }

  async #members(from: Member): Promise<readonly Member[]> {
    this.#isClientGone = this.#session.handed.hasClientEnded();
    if (this.#isClientGone) return [];
    const asking = (): AgentRequest => {
      this.#isAskedForRequest = true;
      throw new Error('a session without a tunnel has no request');
    };
    try {
      const routed = await this.#context.findMembers(asking, this.#info);
      return routed.ok ? routed.value : membersWithoutRoute(from);
    } catch (error) {
      if (this.#isAskedForRequest) return [];
      throw error;
    }
  }

  get token(): string {
    return this.#name.token;
  }

  goBackToTokenBefore(): boolean {
    const { before } = this.#session.record;
    if (before === undefined || before.token === this.#name.token) return false;
    const positions = new GivenPositions();
    positions.add(this.#name.positions);
    positions.add(before.positions);
    this.#name = { token: before.token, positions: positions.write() };
    return true;
  }

  /** Offers the duplicate to a target. */
  async #offer(member: Member, timeoutMs: number, abandoned: Abandonment): Promise<AskOutcome> {
    const { handed, record } = this.#session;
    const { headers, handOff } = this.#context;
    const { target, product } = member;
    const hand = handOff();
    const giver = hand?.openGiverTo(target) ?? (await this.#giverThatOpens(hand, target, timeoutMs));
    // To hold the clients of a dead process in tunnels until it is back would cost more than all else.
    if (giver === 'gone') return giver;
    if (hand === undefined || giver === undefined || this.#isOver) return { noTarget: 'needs a tunnel' };
    const asked = { info: record, request: record, ...this.#name };
    const response = await offerUpgrade(giver, hand, {
      client: handed,
      kind: 'session',
      target,
      request: writeTakeRequest(headers, asked, target),
      record: { ...record, route: product.name, target: target.name, migrations: record.migrations + 1 },
      timeoutMs,
      abandoned,
    });
    if (this.#isOver || response === undefined) {
      if (response?.ok) response.value.offered.withdraw();
      return { noTarget: 'needs a tunnel' };
    }
    if (!response.ok) return outcomeOfFailure(response.failure.code);
    const outcome = readTakeResponse(response.value);
    if (typeof outcome === 'string' || 'noTarget' in outcome) response.value.offered.withdraw();
    return outcome;
  }

  /** The way to a target to which none is open yet. @returns `gone`: it does not listen, or only began to; `undefined`: it takes no hand-offs */
  async #giverThatOpens(
    hand: HandOff | undefined,
    target: Target,
    timeoutMs: number,
  ): Promise<Giver<HandedClient> | 'gone' | undefined> {
    if (hand?.isHere(target) !== true) return undefined;
    if (!(await acceptsConnections(target, timeoutMs))) return 'gone';
    const giver = await hand.giverTo(target);
    if (giver !== undefined || !hand.hasTaken(target)) return giver;
    this.#listensSince ??= performance.now();
    return performance.now() - this.#listensSince < opensWithinMs ? 'gone' : undefined;
  }

  async #handOver({ taken, member, settled }: FoundTarget<OfferResponse>): Promise<'continues' | 'ended'> {
    const { handed, record: known, cause } = this.#session;
    const from = this.#info.member;
    this.#isOver = true;
    from.tunnels--;
    member.tunnels++;
    this.#info.member = member;
    const { offered, head, record: next } = taken;
    const token = headerOf(head, sessionTokenHeader) || undefined;
    const { openedAt, openedUp, bytesInBefore, bytesOutBefore } = known;
    const record = {
      ...next,
      token,
      before: this.#name,
      cannotMigrate: undefined,
      openedAt,
      openedUp,
      bytesInBefore,
      bytesOutBefore,
    };
    const user = new HandedClient(member, record);
    let hasContinued = false;
    try {
      const outcome = await offered.accept({ user, record: writeRecord(record), skipFrames: readSkip(head) });
      hasContinued = outcome.ok;
    } finally {
      settled(hasContinued);
    }
    if (!hasContinued) {
      // Its end counts at this target.
      handed.user = user;
      return 'ended';
    }
    (this.#context.handOff() as HandOff).clients.add(handed, record);
    this.#context.onMigrated(this.#info, from, cause, performance.now() - this.#startedAt);
    return 'continues';
  }
}

type AskOutcome = TakeOutcome<OfferResponse, FallbackCause | 'needs a tunnel'>;

function release({ taken, settled }: FoundTarget<OfferResponse>): void {
  taken.offered.withdraw();
  settled(false);
}
