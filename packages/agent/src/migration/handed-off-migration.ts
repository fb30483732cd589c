import { Socket } from 'node:net';
import { createTarget, type Target, writeNumberedPosition } from '@gopush/contract';
import type { Orphan, UncleanCause } from '@gopush/hand-off';
import { type Handed, HandedClient } from '../hand-off/handed-client.ts';
import type { Continuation, Continuing } from '../hand-off/handed-clients.ts';
import { type HandOffRecord, infoOf } from '../hand-off/record.ts';
import type { HookSet } from '../hooks/hook-set.ts';
import { type Fleet, Member } from '../route/fleet.ts';
import { adopt } from '../target/carrier.ts';
import type { Tunnels } from '../tunnel/tunnels.ts';
import { acceptsConnections } from './accepts-connections.ts';
import type { Failover, FailoverEvents, FallbackCause } from './failover.ts';
import type { HeartbeatOptions } from './heartbeat.ts';
import type { SessionMigration } from './session-migration.ts';
import type { SessionWithoutTarget } from './session-without-target.ts';

/** What sessions of handed-off clients need to continue. */
export interface HandedOffMigrationOptions {
  readonly tunnels: Pick<Tunnels, 'open'>;
  readonly failover: Pick<Failover, 'sessionOf'>;
  readonly fleet: Pick<Fleet, 'product'>;
  readonly hooks: () => HookSet;
  readonly events: Pick<FailoverEvents, 'fellBack'> & { readonly targetSilent: HeartbeatOptions['onSilent'] };
  /** `seamless.silentMs`. */
  readonly silentMs: number;
  /** `health.ejectMs`. */
  readonly ejectMs: number;
}

/** How long another target may take to accept a connection, in milliseconds. */
const acceptMs = 1_000;

/**
 * Goes on with the sessions of clients that were handed off, when their targets are gone. The agent makes a tunnel of its duplicate, whose
 * client waits for the next target. That one is offered the client in turn, or is connected to it by the tunnel.
 */
export class HandedOffMigration implements Continuing {
  readonly #options: HandedOffMigrationOptions;

  constructor(options: HandedOffMigrationOptions) {
    this.#options = options;
  }

  left(handed: Handed, record: HandOffRecord, unread: Buffer): Continuation {
    return this.#hold(handed, record, { unread, cause: 'planned', positions: '' }) ? 'goes on' : 'ends';
  }

  orphaned(handed: Handed, record: HandOffRecord, orphan: Orphan): Continuation {
    // It may still read and write, so no other target can; when it is heard again, it offers a duplicate.
    if (orphan.taker === 'alive') return orphan.cause === 'silent' ? 'waits' : 'stays';
    if (orphan.taker === 'clean') {
      const positions = orphan.marks
        .map(({ stream, offset }) => writeNumberedPosition({ number: stream, offset }))
        .join();
      return this.#hold(handed, record, { unread: orphan.unread ?? noBytes, cause: 'crash', positions })
        ? 'goes on'
        : 'ends';
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
    const now = Date.now();
    for (const other of [...product.members.values()]) {
      if (other.target.name === target.name || other.isEjected(now) || isSilent(other.target)) continue;
      if (await acceptsConnections(other.target, acceptMs)) return true;
    }
    return false;
  }

  onGivenUp(member: Member, killed: number): void {
    const { events, silentMs, ejectMs } = this.#options;
    // New clients, and those that come back, would wait for it as well.
    member.ejectedUntil = Math.max(member.ejectedUntil, Date.now() + ejectMs);
    if (killed > 0) events.targetSilent(member.target, 'killed', killed, silentMs);
  }

  adopt(record: HandOffRecord): HandedClient | undefined {
    const member = this.#memberOf(record);
    return member && new HandedClient(member, record);
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
    const member = new Member(createTarget(host, Number(port)), product, Date.now());
    product.members.set(name, member);
    return member;
  }

  #hold(handed: Handed, record: HandOffRecord, session: Omit<SessionWithoutTarget, 'before'>): boolean {
    const { tunnels, failover } = this.#options;
    const { token, before, openedAt, migrations, url, path, headers, key } = record;
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
      openedAt,
      migration(made) {
        held = make(made);
        return held;
      },
    });
    tunnel.migrations = migrations;
    tunnel.client.bytes = bytesIn - info.bytesInBefore - session.unread.length;
    tunnel.before.bytes = bytesOut - info.bytesOutBefore;
    const unread = Buffer.concat([session.unread, ...early]);
    if (held !== undefined) held.hasTurn = handed.user.hasTurn;
    tunnel.contain(() => held?.beginHeld({ ...session, unread, before }));
    return true;
  }
}

const noBytes = Buffer.alloc(0);

/** Why the session of a client could not fail over, by the names that tunnels have for it. */
const fallbacks: Record<UncleanCause, FallbackCause> = {
  'not noted': 'not noted',
  'half written': 'half a frame written',
  'half read': 'half an event read',
  'client ended': 'client gone',
  'too many streams': 'too many rooms',
};
