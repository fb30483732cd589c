import { statSync } from 'node:fs';
import type { ChannelOwner } from '../channel/channel.ts';
import { silent, silentSecondsOf } from '../channel/deadlines.ts';
import { DescriptorInbox } from '../channel/descriptor-inbox.ts';
import { type TakerFiles, takersIn } from '../channel/folder.ts';
import { commonVersion } from '../channel/hello.ts';
import type { KernelSocket } from '../system/kernel-socket.ts';
import type { Libc } from '../system/libc.ts';
import type { RecordFile } from '../system/record-file.ts';
import { connectTaker } from './connect-taker.ts';
import type { GiverEvents, Orphan, TakerState } from './giver-events.ts';
import type { Giver, Givers, GiversOptions } from './givers.ts';
import type { Handed } from './handed.ts';
import { InTurns } from './in-turns.ts';
import { NotesFile } from './notes-file.ts';
import { Openings } from './openings.ts';
import { reaches } from './reaches.ts';
import { type TakerHost, TakerLink } from './taker-link.ts';

/** Interval between searches for takers, in milliseconds. */
const lookMs = 250;

/** Shortest time between two searches because a client has come, in milliseconds: a new taker may not be noticed otherwise. */
const lookAgainMs = 20;

/** When a taker that could not be reached is tried again, in milliseconds. */
const againMs = 1_000;

const channelClosed: Orphan = { taker: 'alive', cause: 'channel closed' };

/** The giving side: its takers, and the connections of all of them. */
export class Giving<T> implements Givers<T>, TakerHost<T> {
  readonly kernel: KernelSocket;
  readonly records: RecordFile;
  readonly events: GiverEvents<T>;
  readonly #libc: Libc;
  readonly #options: GiversOptions<T>;
  readonly #wanted = new Set<number>();
  readonly #links = new Map<number, TakerLink<T>[]>();
  /** Takers that are not looked for, by key: connected, or when to try again. */
  readonly #known = new Map<string, number>();
  readonly alone = new Set<Handed<unknown>>();
  readonly #openings = new Openings();
  #lookedAt = 0;
  /** Why the folder could not be read the last time; empty: it could. */
  #cannotLook = '';
  /** When the folder had changed last, as `#readTime` tells. */
  #changedAt: number | undefined;
  /** Takers that live and are silent, with their connections. */
  readonly #silent = new Map<TakerLink<T>, readonly Handed<T>[]>();
  /** Dead takers, while `onOrphan` is still to be called for some of their connections. */
  readonly #notifying = new Set<InTurns<Handed<T>>>();
  #looking: NodeJS.Timeout | undefined;
  #beating: NodeJS.Timeout | undefined;
  readonly #silentSeconds: number;
  #isClosed = false;

  constructor(libc: Libc, kernel: KernelSocket, records: RecordFile, options: GiversOptions<T>) {
    this.#libc = libc;
    this.kernel = kernel;
    this.records = records;
    this.#options = options;
    this.#silentSeconds = silentSecondsOf(options.silentMs);
    this.events = options.events;
  }

  get size(): number {
    let { size } = this.alone;
    for (const links of this.#links.values()) for (const link of links) size += link.size;
    return size;
  }

  to(port: number, host?: string): Giver<T> | undefined {
    if (!this.#wanted.has(port)) this.want([port]);
    let least: TakerLink<T> | undefined;
    for (const link of this.#links.get(port) ?? []) {
      const isFit = link.isReady && reaches(host, link.address);
      if (isFit && (least === undefined || link.size < least.size)) least = link;
    }
    return least;
  }

  opening(port: number): Promise<void> | undefined {
    if (this.#isClosed) return undefined;
    if (!this.#wanted.has(port)) this.want([port]);
    else if (performance.now() - this.#lookedAt >= lookAgainMs || this.#readTime() !== this.#changedAt) this.#look();
    return this.#openings.of(port);
  }

  want(ports: Iterable<number>): void {
    if (this.#isClosed) return;
    const before = this.#wanted.size;
    for (const port of ports) this.#wanted.add(port);
    if (this.#wanted.size === before) return;
    this.#looking ??= setInterval(() => this.#look(), lookMs).unref();
    this.#beating ??= setInterval(() => this.#beat(), 1_000).unref();
    this.#look();
  }

  close(): void {
    if (this.#isClosed) return;
    for (const notifying of [...this.#notifying]) notifying.finish();
    this.#isClosed = true;
    clearInterval(this.#looking);
    clearInterval(this.#beating);
    for (const links of this.#links.values()) for (const { channel } of [...links]) channel.end('closed');
    // They are all here now. Those that takers serve stay with them; the others end.
    for (const handed of this.alone) handed.drop();
    this.#lookAtSilent();
    this.records.close();
  }

  onStopping({ port, name }: TakerLink<T>): void {
    this.#reportTaker({ port, name, state: 'stopping', reason: undefined });
  }

  onGone(link: TakerLink<T>, reason: string, served: Handed<T>[]): void {
    const { port, name } = link;
    this.#links.set(
      port,
      (this.#links.get(port) ?? []).filter((other) => other !== link),
    );
    if (this.#isClosed) {
      link.notes.close();
      return;
    }
    this.#reportTaker({ port, name, state: 'gone', reason });
    if (link.saidBye) this.#settle(link, served, channelClosed);
    else if (reason === silent && !link.notes.isDead) {
      this.#silent.set(link, served);
      for (const handed of served) this.#reportOrphan(handed, () => ({ taker: 'alive', cause: silent }));
    } else {
      link.notes.whenDead((isDead) => {
        this.#settle(link, served, isDead ? undefined : channelClosed);
      });
    }
  }

  onKilled({ notes }: TakerLink<T>): void {
    notes.whenDead(() => this.#lookAtSilent());
  }

  /** Checks the silent takers: some may have died. @param heard - key of one that was heard again */
  #lookAtSilent(heard?: string): void {
    for (const [link, served] of this.#silent) {
      const isDead = link.notes.isDead;
      const isOver = served.every(({ state }) => state !== 'alone');
      if (!isDead && !isOver && link.key !== heard) continue;
      this.#silent.delete(link);
      this.#settle(link, served, isDead ? undefined : channelClosed);
    }
  }

  /** @param orphan - what is known of all connections of a taker; `undefined`: it is dead */
  #settle({ notes, early }: TakerLink<T>, served: readonly Handed<T>[], orphan: Orphan | undefined): void {
    if (orphan !== undefined) {
      for (const handed of served) this.#reportOrphan(handed, () => orphan);
      notes.close();
      return;
    }
    const judge = (handed: Handed<T>): Orphan => {
      const one = handed as Handed<unknown>;
      return notes.judge(one, early.of(one));
    };
    const notifying = new InTurns(
      served,
      (handed) => this.#reportOrphan(handed, judge),
      () => notes.close(),
    );
    for (const older of this.#notifying) if (older.isDone) this.#notifying.delete(older);
    if (!notifying.isDone) this.#notifying.add(notifying);
  }

  #reportOrphan(handed: Handed<T>, judge: (handed: Handed<T>) => Orphan): void {
    if (this.#isClosed || handed.state !== 'alone') return;
    this.callHandler(() => this.events.onOrphan(handed, judge(handed)));
  }

  callHandler(handler: () => void): void {
    try {
      handler();
    } catch (error) {
      this.#fault(error);
    }
  }

  /** Connects to takers that have come. */
  #look(): void {
    let found: TakerFiles[];
    const now = performance.now();
    this.#lookedAt = now;
    this.#changedAt = this.#readTime();
    try {
      found = takersIn(this.#options.dir);
      this.#cannotLook = '';
    } catch (error) {
      const { message } = error as Error;
      // Once, not each time.
      if (message !== this.#cannotLook) this.#fault(error);
      this.#cannotLook = message;
      return;
    }
    const there = new Set(found.map(({ key }) => key));
    for (const key of this.#known.keys()) if (!there.has(key)) this.#known.delete(key);
    for (const taker of found) {
      if (!this.#wanted.has(taker.port) || (this.#known.get(taker.key) ?? 0) > now) continue;
      this.#known.set(taker.key, Number.POSITIVE_INFINITY);
      // Its sockets may have been gone for a moment, and are there again.
      if (!this.#hasLink(taker)) this.#connect(taker);
    }
  }

  #hasLink({ port, key }: TakerFiles): boolean {
    return this.#links.get(port)?.some((link) => link.key === key) === true;
  }

  /** When a file came or went in the folder, in milliseconds since 1970. */
  #readTime(): number | undefined {
    try {
      return statSync(this.#options.dir).mtimeMs;
    } catch {
      return undefined;
    }
  }

  #connect(files: TakerFiles): void {
    const { key, port } = files;
    const { name } = this.#options;
    const opened = this.#openings.begin(port);
    const again = performance.now() + againMs;
    connectTaker(files, {
      libc: this.#libc,
      kernel: this.kernel,
      name,
      onWelcome: (hello, channel, descriptors): ChannelOwner => {
        const inbox = new DescriptorInbox(descriptors, (descriptor) => this.kernel.close(descriptor));
        const file = inbox.take(0);
        const hasLast = commonVersion(hello) >= 3;
        const notes = new NotesFile(this.#libc, this.kernel, { descriptor: file, slots: hello.slots ?? 0, hasLast });
        const link = new TakerLink<T>({ hello, files, channel, descriptors, inbox, notes }, this);
        this.#lookAtSilent(key);
        this.#links.set(port, [...(this.#links.get(port) ?? []), link]);
        opened();
        if (file < 0) setImmediate(() => channel.end('the file of its notes did not come'));
        else if (this.#isClosed) setImmediate(() => channel.end('closed'));
        else this.#reportTaker({ port, name: hello.name, state: 'open', reason: undefined });
        return {
          onMessage: (type, id, payload) => link.onMessage(type, id, payload),
          onGone: (reason) => {
            // One that was silent may have continued just now.
            this.#known.set(key, performance.now() + (reason === silent ? 0 : againMs));
            link.onGone(reason);
          },
        };
      },
      onUnfit: (reason, isFinal) => {
        opened();
        this.#known.set(key, isFinal ? Number.POSITIVE_INFINITY : again);
        if (isFinal && !this.#isClosed) this.#reportTaker({ port, name: undefined, state: 'unfit', reason });
      },
    });
  }

  #beat(): void {
    this.#lookAtSilent();
    const links = [...this.#silent.keys(), ...[...this.#links.values()].flat()];
    for (const link of links) link.beat(this.#silentSeconds);
  }

  #reportTaker(state: TakerState): void {
    this.callHandler(() => this.events.onTaker(state));
  }

  #fault(error: unknown): void {
    try {
      this.events.onFault(error);
    } catch {
      // No taker is left to tell.
    }
  }
}
