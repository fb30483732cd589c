import { readPosition, writePosition } from '@gopush/contract';
import type { PushServer } from '@gopush/push-server';
import fc from 'fast-check';
import type { Socket } from 'socket.io-client';
import { expect, test } from 'vitest';
import { connectTo, describeNodes } from '../../../../test/support/nodes.ts';

type Step =
  | { readonly do: 'join' | 'leave' | 'reconnect'; readonly who: number }
  | { readonly do: 'publish'; readonly who: number; readonly node: number };

const members = 4;
const who = fc.nat(members - 1);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constantFrom('join' as const, 'leave' as const, 'reconnect' as const), who }),
  fc.record({ do: fc.constant('publish' as const), who, node: fc.nat(1) }),
  fc.record({ do: fc.constant('publish' as const), who, node: fc.nat(1) }),
);

/** One client: what it got, and by the model should have got. */
interface Member {
  readonly uid: string;
  socket: Socket | undefined;
  node: number;
  isIn: boolean;
  mark: string | undefined;
  got: number[];
  wanted: number[];
}

/** Members of one room on two nodes, and what by the model they are to get. */
class Model {
  readonly all: Member[] = [];
  readonly #room: string;
  readonly #servers: readonly PushServer[];
  #said = 0;

  constructor(room: string, servers: readonly PushServer[]) {
    this.#room = room;
    this.#servers = servers;
  }

  async add(): Promise<void> {
    const node = this.all.length % 2;
    const uid = `u${this.all.length}`;
    const member: Member = { uid, socket: undefined, node, isIn: false, mark: undefined, got: [], wanted: [] };
    this.all.push(member);
    await this.#connect(member);
  }

  async do(step: Step): Promise<void> {
    const member = this.all[step.who] as Member;
    if (step.do === 'publish') await this.say(step.node);
    else if (step.do === 'leave') await this.#leave(member);
    else if (step.do === 'reconnect') await this.#reconnect(member);
    else if (!member.isIn) await this.#enterNow(member);
  }

  async say(node: number): Promise<void> {
    const n = ++this.#said;
    for (const { isIn, wanted } of this.all) if (isIn) wanted.push(n);
    expect((await this.#servers[node]?.push.toRoom(this.#room, 'n', n))?.ok).toBe(true);
  }

  async #connect(member: Member): Promise<void> {
    member.socket = await connectTo(this.#servers[member.node] as PushServer, member.uid);
    member.socket.on('n', (n: number, mark: string) => {
      member.got.push(n);
      member.mark = mark;
    });
  }

  async #leave(member: Member): Promise<void> {
    await member.socket?.emitWithAck('go:leave', this.#room);
    // What was on its way has been delivered before the ack.
    member.wanted = [...member.got];
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
    const answer = await member.socket?.emitWithAck('go:join', { room: this.#room, after: offset, epoch });
    expect(answer).toMatchObject({ ok: true, joined: [{ recovered: true }] });
  }

  /** From now on: what follows the place that the answer tells. */
  async #enterNow(member: Member): Promise<void> {
    const answer = await member.socket?.emitWithAck('go:join', this.#room);
    const { position } = answer.joined[0];
    member.wanted = [...member.got];
    for (let n = (position?.offset ?? 0) + 1; n <= this.#said; n++) member.wanted.push(n);
    member.mark = position === null ? undefined : writePosition(position);
    member.isIn = true;
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
        await model.say(0);
        const { all } = model;
        await expect.poll(() => all.map(({ got }) => got)).toEqual(all.map(({ wanted }) => wanted));
        for (const { socket } of all) socket?.disconnect();
      }),
      { numRuns: 25 },
    );
  }, 60_000);
});
