import type { EndingCause } from '@gopush/contract';
import type { Counts, Ending, GiverEvents, Mark, Orphan, TakerState } from '@gopush/hand-off';
import type { TunnelLimits } from '../tunnel/tunnel.ts';
import type { TunnelEnd } from '../tunnel/tunnel-end.ts';
import type { TunnelInfo } from '../tunnel/tunnel-info.ts';
import { endingCause } from './ending-cause.ts';
import type { Handed, HandedClient } from './handed-client.ts';
import { NewestRecords } from './newest-records.ts';
import { type HandOffRecord, infoOf, readOpenedAt, readRecord } from './record.ts';
import { SilentTargets, type SilentTargetsEvents } from './silent-targets.ts';

/** How long a target may take to end a connection that it was asked to end, in milliseconds. */
const lingerMs = 10_000;

/**
 * How a connection continues whose target is gone: it gets a `tunnel`; its session `migrates` while it stays here; it
 * `ends`; it `stays` with that target, without an agent; or it `waits` for that target, which is silent.
 */
export type Continuation = 'tunnel' | 'migrates' | 'ends' | 'stays' | 'waits';

/** Decides how connections continue whose target is gone. */
export interface TargetLossHandler extends Pick<SilentTargetsEvents, 'isAnotherUp' | 'onGivenUp'> {
  /** Its target has put the session down. @param marks - the messages that the client has had; `undefined`: not known */
  left(handed: Handed, record: HandOffRecord, unread: Buffer, marks: readonly Mark[] | undefined): Continuation;
  /** Its target is gone without a word. */
  orphaned(handed: Handed, record: HandOffRecord, orphan: Orphan): Continuation;
  /** Its target lives, has been silent for too long, and cannot be killed: the connection ends. */
  givenUp(handed: Handed, record: HandOffRecord): void;
  /** A target offers the duplicate of a connection whose agent is gone. @returns `undefined`: it is not wanted */
  adopt(record: HandOffRecord): HandedClient | undefined;
  /** The target at a port of this machine responds. */
  heard(port: number): void;
  /** From now on no connection stays here while its session migrates: those that do get tunnels. */
  onlyTunnels(): void;
}

/** Options of {@link HandedClients}. */
export interface HandedClientsOptions {
  /** How long a target may be silent in all, in milliseconds; 0: no limit. */
  readonly silentMs: number;
  readonly limits: TunnelLimits;
  readonly lossHandler: TargetLossHandler;
  /** A client is adopted from another agent: it counts here from now on. */
  onAdopted(info: TunnelInfo): void;
  /** A client stays with its target alone: it counts no longer. */
  onLeftAlone(info: TunnelInfo): void;
  /** A connection has ended. */
  onClosed(end: TunnelEnd): void;
  onTaker(taker: TakerState): void;
  onFault(error: unknown): void;
}

/** The clients whose connections were handed over to targets, until these report their end. */
export class HandedClients implements GiverEvents<HandedClient> {
  readonly #options: HandedClientsOptions;
  readonly #all = new Set<Handed>();
  readonly #sweeping: NodeJS.Timeout | undefined;
  readonly #silent: SilentTargets;
  readonly #newest = new NewestRecords();
  /** Ports of this machine at which targets have taken hand-offs. */
  readonly knownPorts = new Set<number>();
  /** Totals since the start. */
  readonly total = { handedOff: 0, adopted: 0 };
  #isClosed = false;

  constructor(options: HandedClientsOptions) {
    this.#options = options;
    this.#silent = new SilentTargets(options.silentMs, {
      isAnotherUp: (member, isSilent) => options.lossHandler.isAnotherUp(member, isSilent),
      onGivenUp: (member, killed) => options.lossHandler.onGivenUp(member, killed),
      onLost: (handed) => this.#giveUp(handed),
      onFault: options.onFault,
    });
    const { idleMs, maxAgeMs } = options.limits;
    if (idleMs > 0 || maxAgeMs > 0) this.#sweeping = setInterval(() => this.#sweep(performance.now()), 1_000).unref();
  }

  get size(): number {
    return this.#all.size;
  }

  /** The clients of all that are open. */
  *all(): IterableIterator<HandedClient> {
    for (const { user } of this.#all) yield user;
  }

  /** A connection was handed over with this record. */
  add(handed: Handed, record: HandOffRecord): void {
    handed.user.handed = handed;
    this.total.handedOff++;
    // It may have ended already.
    if (handed.state === 'over') return;
    this.#all.add(handed);
    this.#newest.add(handed.user, record);
  }

  /** Nothing is adopted and no limit enforced any more. */
  close(): void {
    this.#isClosed = true;
    clearInterval(this.#sweeping);
    this.#silent.close();
    this.#options.lossHandler.onlyTunnels();
  }

  /** A connection whose session migrates has got a tunnel. */
  remove(handed: Handed): void {
    this.#all.delete(handed);
  }

  /** A connection has ended whose session was migrating. @param counts - its bytes, before it ended */
  end(handed: Handed, record: HandOffRecord, ending: Ending, counts: Counts): void {
    this.#all.delete(handed);
    handed.cut();
    this.#end(handed, record, ending, counts);
  }

  onEnd(handed: Handed, ending: Ending & Counts): void {
    this.#all.delete(handed);
    const record = this.#takeRecord(handed);
    if (record === undefined) throw new Error('the record of a connection that was handed over cannot be read');
    this.#end(handed, record, ending, ending);
  }

  onLeave(handed: Handed, unread: Buffer, marks: readonly Mark[] | undefined): void {
    this.#continue(handed, 'target closed', (record) => this.#options.lossHandler.left(handed, record, unread, marks));
  }

  onOrphan(handed: Handed, orphan: Orphan): void {
    this.#continue(handed, 'target reset', (record) => this.#options.lossHandler.orphaned(handed, record, orphan));
  }

  onDuplicate(handed: Handed, bytes: Buffer): boolean {
    const record = this.#isClosed ? undefined : readRecord(bytes);
    const user = record && this.#options.lossHandler.adopt(record);
    if (record === undefined || user === undefined) return false;
    handed.user = user;
    user.handed = handed;
    this.#options.onAdopted(infoOf(record, user.member));
    this.#all.add(handed);
    this.total.adopted++;
    return true;
  }

  onTaker(taker: TakerState): void {
    if (taker.state === 'open') {
      this.knownPorts.add(taker.port);
      this.#options.lossHandler.heard(taker.port);
    }
    this.#options.onTaker(taker);
  }

  onFault(error: unknown): void {
    this.#options.onFault(error);
  }

  /** The target of a connection is gone. @param cause - why the connection ends, if it does */
  #continue(handed: Handed, cause: EndingCause, decide: (record: HandOffRecord) => Continuation): void {
    this.#all.delete(handed);
    this.#silent.remove(handed);
    const record = this.#takeRecord(handed);
    if (record === undefined) {
      handed.cut();
      throw new Error('the record of a connection that was handed over cannot be read');
    }
    switch (this.#decide(handed, () => decide(record))) {
      case 'tunnel':
        return;
      case 'migrates':
        this.#all.add(handed);
        return;
      case 'waits':
        this.#all.add(handed);
        this.#silent.add(handed);
        return;
      case 'stays':
        // Closing one of two descriptors sends nothing.
        handed.release();
        this.#options.onLeftAlone(infoOf(record, handed.user.member));
        return;
      case 'ends': {
        const counts = handed.counts();
        handed.cut();
        this.#end(handed, record, { cause }, counts);
      }
    }
  }

  /** A connection ends if deciding fails. */
  #decide(handed: Handed, decide: () => Continuation): Continuation {
    try {
      return decide();
    } catch (error) {
      this.#options.onFault(error);
      handed.user.cause = 'fault';
      return 'ends';
    }
  }

  /** The record of a connection that its target serves no more. */
  #takeRecord(handed: Handed): HandOffRecord | undefined {
    return this.#newest.take(handed.user) ?? readRecord(handed.readRecord());
  }

  #giveUp(handed: Handed): void {
    try {
      this.#continue(handed, 'target silent', (record) => {
        this.#options.lossHandler.givenUp(handed, record);
        return 'ends';
      });
    } catch (error) {
      this.#options.onFault(error);
    }
  }

  #end({ user }: Handed, record: HandOffRecord, ending: Ending, { bytesIn, bytesOut }: Counts): void {
    this.#options.onClosed({
      info: infoOf(record, user.member),
      openedAt: readOpenedAt(record),
      handedOff: true,
      bytesFromClient: Math.max(0, bytesIn - record.bytesInBefore),
      bytesFromTarget: Math.max(0, bytesOut - record.bytesOutBefore),
      messagesFromClient: ending.messagesIn,
      messagesFromTarget: ending.messagesOut,
      migrations: record.migrations,
      cause: user.cause ?? endingCause(ending),
      closeCode: ending.code,
    });
  }

  #sweep(now: number): void {
    for (const handed of this.#all) {
      if (handed.state !== 'served' || handed.user.checkAt > now) continue;
      try {
        this.#checkLimits(handed, now);
      } catch (error) {
        this.#options.onFault(error);
      }
    }
  }

  /** Enforces the limits of one connection, and sets when they are checked next: asking the kernel for each one each second would take long. */
  #checkLimits(handed: Handed, now: number): void {
    const { user } = handed;
    if (user.cause !== undefined) {
      this.#continue(handed, user.cause, () => 'ends');
      return;
    }
    const { idleMs, maxAgeMs } = this.#options.limits;
    const ageLeft = maxAgeMs > 0 ? openedAtOf(handed) + maxAgeMs - now : Number.POSITIVE_INFINITY;
    const idleLeft = idleMs > 0 ? idleMs - handed.idleMs() : Number.POSITIVE_INFINITY;
    user.checkAt = now + Math.min(ageLeft, idleLeft);
    if (ageLeft > 0 && idleLeft > 0) return;
    user.cause = ageLeft > 0 ? 'idle' : 'too old';
    user.checkAt = now + lingerMs;
    handed.close(user.cause === 'idle' ? 1001 : 1012, user.cause);
  }
}

function openedAtOf(handed: Handed): number {
  const record = readRecord(handed.readRecord());
  return record === undefined ? Number.NEGATIVE_INFINITY : readOpenedAt(record);
}
