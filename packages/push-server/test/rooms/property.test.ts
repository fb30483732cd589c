import { readPosition, writePosition } from '@gopush/contract';
import type { PushServer } from '@gopush/push-server';
import fc from 'fast-check';
import type { Socket } from 'socket.io-client';
import { expect, test } from 'vitest';
import { connectTo, describeNodes } from '../../../../test/support/nodes.ts';

/** One step, and whether the next one waits for its end. Steps of one client come one after the other. */
type Step = { readonly waits: boolean } & (
  | { readonly do: 'join' | 'leave' | 'reconnect'; readonly who: number }
  | { readonly do: 'publish'; readonly node: number }
);

const members = 4;

/** How long a response may take, in milliseconds: much less than the test, or it would end without telling which one is missing. */
const stepMs = 10_000;

/** How many orders are tried. `GOPUSH_CHAOS=full` is the long form. */
const runs = process.env.GOPUSH_CHAOS === 'full' ? 1_000 : 25;

const who = fc.nat(members - 1);
const waits = fc.boolean();
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constantFrom('join' as const, 'leave' as const, 'reconnect' as const), who, waits }),
  fc.record({ do: fc.constant('publish' as const), node: fc.nat(1), waits }),
  fc.record({ do: fc.constant('publish' as const), node: fc.nat(1), waits }),
);

/** A message that a client got, and the offset of which it was told with it. */
type Got = readonly [n: number, offset: number | undefined];

/** One client: what it got, and by the model should have got. */
interface Member {
  readonly uid: string;
  socket: Socket | undefined;
  node: number;
  isIn: boolean;
  /** The place from which it continues after a reconnect. */
  mark: string | undefined;
  readonly got: Got[];
  /** What it had got when it entered the room last, or left it, and the offset at which it entered. */
  had: readonly Got[];
  enteredAt: number;
  /** Its steps so far. */
  done: Promise<void>;
}

/** Members of one room on two nodes, and what by the model they are to get. */
class Model {
  readonly all: Member[] = [];
  readonly #room: string;
  readonly #servers: readonly PushServer[];
  /** The messages by their offsets. */
  readonly #said: number[] = [];
  #count = 0;
  readonly #underWay: Promise<void>[] = [];

  constructor(room: string, servers: readonly PushServer[]) {
    this.#room = room;
    this.#servers = servers;
  }

  async add(): Promise<void> {
    const node = this.all.length % 2;
    const member: Member = {
      uid: `u${this.all.length}`,
      socket: undefined,
      node,
      isIn: false,
      mark: undefined,
      got: [],
      had: [],
      enteredAt: 0,
      done: Promise.resolve(),
    };
    this.all.push(member);
    await this.#connect(member);
  }

  /** Does a step. Resolves when the next one may begin. */
  async do(step: Step): Promise<void> {
    const done = step.do === 'publish' ? this.say(step.node) : this.#next(step.do, this.all[step.who] as Member);
    this.#underWay.push(done);
    done.catch(() => {});
    if (step.waits) await done;
  }

  /** Resolves when all steps have been done. */
  async end(): Promise<void> {
    await Promise.all(this.#underWay);
  }

  async say(node: number): Promise<void> {
    const n = ++this.#count;
    const result = await this.#servers[node]?.push.toRoom(this.#room, 'n', n);
    expect(result).toMatchObject({ ok: true, value: { position: { offset: expect.any(Number) } } });
    if (result?.ok === true) this.#said[result.value.position?.offset ?? 0] = n;
  }

  /** What a member is to have got when nothing is under way any more. */
  wantedOf({ isIn, had, enteredAt }: Member): readonly Got[] {
    if (!isIn) return had;
    return [...had, ...this.#said.flatMap((n, offset): Got[] => (offset > enteredAt ? [[n, offset]] : []))];
  }

  #next(does: 'join' | 'leave' | 'reconnect', member: Member): Promise<void> {
    member.done = member.done.then(async () => {
      if (does === 'leave') await this.#leave(member);
      else if (does === 'reconnect') await this.#reconnect(member);
      else if (!member.isIn) await this.#enterNow(member);
    });
    return member.done;
  }

  async #connect(member: Member): Promise<void> {
    const socket = await connectTo(this.#servers[member.node] as PushServer, member.uid);
    member.socket = socket;
    socket.on('n', (n: number, mark: string) => {
      // By then another connection is the member's.
      if (member.socket !== socket) throw new Error(`${member.uid} got ${n} by a connection that it had ended`);
      member.got.push([n, readPosition(mark)?.offset]);
      member.mark = mark;
    });
    await this.#ask(member, 'go:marks');
  }

  async #leave(member: Member): Promise<void> {
    await this.#ask(member, 'go:leave', this.#room);
    // What was on its way has been delivered before the ack.
    member.had = [...member.got];
    member.isIn = false;
  }

  async #reconnect(member: Member): Promise<void> {
    member.socket?.disconnect();
    member.node = 1 - member.node;
    await this.#connect(member);
    if (!member.isIn) return;
    const position = readPosition(member.mark);
    if (position === undefined) return this.#enterNow(member);
    const { epoch, offset } = position;
    const answer = await this.#ask(member, 'go:join', { room: this.#room, after: offset, epoch });
    expect(answer).toMatchObject({ ok: true, joined: [{ recovered: true }] });
  }

  /** From now on: what follows the place that the answer tells. */
  async #enterNow(member: Member): Promise<void> {
    // What comes after that place may come before the answer.
    const had = [...member.got];
    const answer = await this.#ask(member, 'go:join', this.#room);
    expect(answer).toMatchObject({ ok: true, joined: [{}] });
    const { position } = answer.joined[0];
    member.had = had;
    member.enteredAt = position?.offset ?? 0;
    if (member.got.length === had.length) member.mark = position === null ? undefined : writePosition(position);
    member.isIn = true;
  }

  #ask({ socket }: Member, event: string, ...request: unknown[]) {
    return (socket as Socket).timeout(stepMs).emitWithAck(event, ...request);
  }
}

describeNodes('any order of events', (startNodes) => {
  test('each member gets each message once and in order', async () => {
    const nodes = await startNodes();
    const servers = [await nodes.start(), await nodes.start()];
    let rooms = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
        const model = new Model(`r${rooms++}`, servers);
        for (let count = 0; count < members; count++) await model.add();
        for (const one of steps) await model.do(one);
        await model.end();
        await model.say(0);
        const { all } = model;
        await expect.poll(() => all.map(({ got }) => got)).toEqual(all.map((member) => model.wantedOf(member)));
        for (const { socket } of all) socket?.disconnect();
      }),
      // A shorter order may take as long to fail as this one did: the test would end before it could tell any.
      { numRuns: runs, endOnFailure: true },
    );
  }, 600_000);
});
