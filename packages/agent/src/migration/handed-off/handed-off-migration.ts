import { Socket } from 'node:net';
import {
  createTarget,
  incompletePositions,
  type ReportedCause,
  type Target,
  writeNumberedPosition,
} from '@gopush/contract';
import type { Mark, Orphan, UncleanCause } from '@gopush/hand-off';
import type { HandOff } from '../../hand-off/hand-off.ts';
import { type Handed, HandedClient } from '../../hand-off/handed-client.ts';
import type { Continuation, TargetLossHandler } from '../../hand-off/handed-clients.ts';
import { type HandOffRecord, infoOf, readOpenedAt } from '../../hand-off/record.ts';
import type { HookSet } from '../../hooks/hook-set.ts';
import { type Fleet, Member } from '../../route/fleet.ts';
import type { Recovery } from '../../route/recovery.ts';
import { adopt } from '../../target/shared-buffer-io.ts';
import type { Tunnels } from '../../tunnel/tunnels.ts';
import type { HeartbeatOptions } from '../crash/heartbeat.ts';
import type { Failover, FailoverEvents } from '../failover.ts';
import type { FallbackCause } from '../fallback-cause.ts';
import type { SessionMigration } from '../session-migration.ts';
import type { EarlierSearch, SessionWithoutTarget } from '../session-without-target.ts';
import { acceptsConnections } from './accepts-connections.ts';
import { DirectMigration, type DirectMigrationContext, type OrphanedSession } from './direct-migration.ts';

/** Options of {@link HandedOffMigration}. */
export interface HandedOffMigrationOptions {
  readonly tunnels: Pick<Tunnels, 'open'>;
  readonly failover: Pick<Failover, 'sessionOf'>;
  readonly direct: DirectMigrationContext;
  readonly handOff: () => HandOff | undefined;
  readonly fleet: Pick<Fleet, 'product' | 'found'>;
  readonly recovery: Pick<Recovery, 'giveUp'>;
  readonly hooks: () => HookSet;
  readonly events: Pick<FailoverEvents, 'fellBack'> & { readonly targetSilent: HeartbeatOptions['onSilent'] };
  readonly onFault: (error: unknown) => void;
  /** `seamless.silentMs`. */
  readonly silentMs: number;
  /** `health.ejectMs`. */
  readonly ejectMs: number;
}

/** How long another target may take to accept a connection, in milliseconds. */
const acceptMs = 1_000;

/**
 * Continues the sessions of clients that were handed over, when their targets are gone. The agent offers its duplicate to the next target. Or it makes
 * a tunnel of the duplicate: its client waits there until the next target takes the session, and is then handed over, or stays connected by the
 * tunnel.
 */
export class HandedOffMigration implements TargetLossHandler {
  readonly #options: HandedOffMigrationOptions;
  /** Direct migrations, each with the function that gives its session a tunnel instead. */
  readonly #direct = new Map<DirectMigration, (search: EarlierSearch) => void>();
  /** Members that were given up, and have not been heard since. */
  readonly #silent = new Set<Member>();
  #hasOnlyTunnels = false;

  constructor(options: HandedOffMigrationOptions) {
    this.#options = options;
  }

  left(handed: Handed, record: HandOffRecord, unread: Buffer, marks: readonly Mark[] | undefined): Continuation {
    // If its target could not store it at its end, it continues from its last copy, as after a crash.
    const positions = marks === undefined ? incompletePositions : writeMarks(marks);
    return this.#continue(handed, record, { unread, cause: 'planned', positions });
  }

  orphaned(handed: Handed, record: HandOffRecord, orphan: Orphan): Continuation {
    // It may still read and write, so no other target can; when it is heard again, it offers a duplicate.
    if (orphan.taker === 'alive') return orphan.cause === 'silent' ? 'waits' : 'stays';
    if (orphan.taker === 'clean') {
      const positions = writeMarks(orphan.marks);
      return this.#continue(handed, record, { unread: orphan.unread ?? noBytes, cause: 'crash', positions });
    }
    const { member } = handed.user;
    if (record.token !== undefined) {
      this.#options.events.fellBack({ info: infoOf(record, member) }, member, fallbacks[orphan.cause]);
    }
    return 'ends';
  }

  givenUp({ user: { member } }: Handed, record: HandOffRecord): void {
    if (record.token !== undefined)
      this.#options.events.fellBack({ info: infoOf(record, member) }, member, 'target silent');
  }

  async isAnotherUp({ product, target }: Member, isSilent: (target: Target) => boolean): Promise<boolean> {
    const now = performance.now();
    for (const other of [...product.members.values()]) {
      if (other.target.name === target.name || other.isEjected(now) || isSilent(other.target)) continue;
      if (await acceptsConnections(other.target, acceptMs)) return true;
    }
    return false;
  }

  onGivenUp(member: Member, killed: number): void {
    const { events, silentMs, ejectMs, recovery } = this.#options;
    // New clients, and those that come back, would wait for it as well: for long if it is as it was, and for a moment if it is replaced.
    if (killed === 0) {
      recovery.giveUp(member.target, 'target_silent', new Set([member]));
      this.#silent.add(member);
      return;
    }
    member.ejectedUntil = Math.max(member.ejectedUntil, performance.now() + ejectMs);
    events.targetSilent(member.target, 'killed', killed, silentMs);
  }

  heard(port: number): void {
    for (const member of this.#silent) {
      if (member.target.port !== port) continue;
      this.#silent.delete(member);
      this.#options.fleet.found(member);
    }
  }

  adopt(record: HandOffRecord): HandedClient | undefined {
    const member = this.#memberOf(record);
    return member && new HandedClient(member, record);
  }

  onlyTunnels(): void {
    this.#hasOnlyTunnels = true;
    for (const [migration, openTunnel] of this.#direct) openTunnel(migration.needsTunnel());
    this.#direct.clear();
  }

  #memberOf({ route, target: name }: HandOffRecord): Member | undefined {
    const { products, otherProducts } = this.#options.hooks();
    const source = products.get(route) ?? otherProducts;
    if (source === undefined) return undefined;
    const product = this.#options.fleet.product(route, source.policy, source.from.kind === 'function');
    const known = product.members.get(name);
    if (known !== undefined) return known;
    const [, host = '', port = ''] = /^\[?(.*?)\]?:(\d{1,5})$/.exec(name) ?? [];
    if (host === '') return undefined;
    const member = new Member(createTarget(host, Number(port)), product, performance.now());
    product.members.set(name, member);
    return member;
  }

  /** The session needs another target. */
  #continue(handed: Handed, record: HandOffRecord, session: Omit<SessionWithoutTarget, 'before'>): Continuation {
    const orphaned = { handed, record, cause: session.cause, positions: session.positions };
    const { direct } = this.#options;
    const isDirect = session.unread.length === 0 && !this.#hasOnlyTunnels && DirectMigration.fits(orphaned, direct);
    if (!isDirect) return this.#openTunnel(handed, record, session) ? 'tunnel' : 'ends';
    void this.#migrateDirectly(orphaned, (searched) => {
      this.#options.handOff()?.clients.remove(handed);
      handed.user.isPaced = true;
      return this.#openTunnel(handed, record, session, searched);
    });
    return 'migrates';
  }

  /** Migrates a session without a tunnel, if that is possible. @param openTunnel - gives it a tunnel otherwise, and returns whether it could */
  async #migrateDirectly(session: OrphanedSession, openTunnel: (searched: EarlierSearch) => boolean): Promise<void> {
    const { handed, record } = session;
    const migration = new DirectMigration(session, this.#options.direct);
    // Before the record of the duplicate may change.
    const counts = handed.counts();
    const end = (cause: ReportedCause): void => this.#options.handOff()?.clients.end(handed, record, { cause }, counts);
    const openTunnelOrEnd = (searched: EarlierSearch): void => {
      if (handed.state !== 'alone' || !openTunnel(searched)) end('client closed');
    };
    this.#direct.set(migration, openTunnelOrEnd);
    try {
      const outcome = await migration.run();
      this.#direct.delete(migration);
      if (outcome === 'ended') end('target reset');
      else if (typeof outcome === 'object') openTunnelOrEnd(outcome);
    } catch (error) {
      this.#direct.delete(migration);
      this.#options.onFault(error);
      end('target reset');
    }
  }

  /** Makes a tunnel of the connection, whose client waits there for the next target. @returns whether its session can migrate */
  #openTunnel(
    handed: Handed,
    record: HandOffRecord,
    session: Omit<SessionWithoutTarget, 'before'>,
    searched?: EarlierSearch,
  ): boolean {
    const { tunnels, failover } = this.#options;
    const { token, before, migrations, url, path, headers, key } = record;
    const make = token === undefined ? undefined : failover.sessionOf(token, { url, path, headers, key });
    if (make === undefined) return false;
    const { bytesIn, bytesOut } = handed.counts();
    const info = infoOf(record, handed.user.member);
    const { socket, early } = adopt(handed.takeBack());
    let held: SessionMigration | undefined;
    const tunnel = tunnels.open({
      client: socket,
      target: new Socket().destroy(),
      info,
      openedAt: readOpenedAt(record),
      migration(made) {
        held = make(made);
        return held;
      },
    });
    tunnel.migrations = migrations;
    tunnel.client.bytes = bytesIn - info.bytesInBefore - session.unread.length;
    tunnel.before.bytes = bytesOut - info.bytesOutBefore;
    const unread = Buffer.concat([session.unread, ...early]);
    if (held !== undefined) held.isPaced = handed.user.isPaced;
    tunnel.contain(() => held?.beginHeld({ ...session, unread, before, searched }));
    return true;
  }
}

const noBytes = Buffer.alloc(0);

/** The positions of a client, as the request to take its session has them. */
function writeMarks(marks: readonly Mark[]): string {
  return marks.map(({ stream, offset }) => writeNumberedPosition({ number: stream, offset })).join();
}

/** Why the session of a client could not fail over, by the names that tunnels have for it. */
const fallbacks: Record<UncleanCause, FallbackCause> = {
  'not noted': 'not noted',
  'half written': 'half a frame written',
  'half read': 'half an event read',
  'client ended': 'client gone',
  'too many streams': 'too many rooms',
};
