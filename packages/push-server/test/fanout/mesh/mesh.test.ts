import { type ChildProcess, fork } from 'node:child_process';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { Mesh } from '../../../src/fanout/mesh/mesh.ts';
import { writeFrame } from '../../../src/fanout/mesh/peer-frames.ts';
import { forward, greetingOf, type MeshTimes } from '../../../src/fanout/mesh/peer-protocol.ts';

const log = { debug() {}, info() {}, warn() {}, error() {} };
/** For what takes its time on a busy machine. */
const slow = { timeout: 10_000 };
/** A tenth of the usual ones. */
const short: MeshTimes = { beat: 50, silence: 1_000, stale: 125, follow: 150, greeting: 200, look: 100 };

async function makeFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'gopush-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

async function startNode(folder: string, times: MeshTimes = short) {
  const seen = { messages: [] as string[], bytes: 0, gaps: 0, peers: [] as string[], gone: [] as string[] };
  const mesh = new Mesh({
    folder,
    events: {
      onMessage(payload) {
        seen.bytes += payload.length;
        seen.messages.push(payload.toString('latin1', 0, 40));
      },
      onPeer: (peer) => seen.peers.push(peer),
      onPeerGone: (peer) => seen.gone.push(peer),
      onGap: () => void seen.gaps++,
    },
    log,
    times,
  });
  await mesh.open();
  onTestFinished(() => mesh.close());
  await mesh.join();
  return { mesh, seen };
}

interface Child {
  readonly process: ChildProcess;
  readonly told: Record<string, unknown>[];
}

async function startChild(folder: string, ...args: string[]): Promise<Child> {
  const child = fork(new URL('mesh-node.mjs', import.meta.url), [folder, ...args]);
  onTestFinished(() => void child.kill('SIGKILL'));
  const told: Record<string, unknown>[] = [];
  child.on('message', (message) => told.push(message as Record<string, unknown>));
  await expect
    .poll(() => told.filter(({ id, gone }) => id !== undefined && gone === undefined).length, slow)
    .toBeGreaterThan(0);
  return { process: child, told };
}

async function connectTo(folder: string, mesh: Mesh): Promise<{ socket: Socket; closed: Promise<unknown> }> {
  const socket = connect(join(folder, `${mesh.id}.peer`));
  socket.on('error', () => {}).resume();
  onTestFinished(() => void socket.destroy());
  const closed = new Promise((resolve) => socket.once('close', resolve));
  await new Promise((resolve) => socket.once('connect', resolve));
  return { socket, closed };
}

const isKnownBy = (child: Child, mesh: Mesh) => () => child.told.some(({ peer }) => peer === mesh.id);

test('a worker of a cluster that is killed takes its socket along: nobody else accepts for it', async () => {
  const folder = await makeFolder();
  const { told } = await startChild(folder, 'cluster');
  await expect.poll(() => told.filter(({ id, pid }) => id !== undefined && pid !== undefined).length, slow).toBe(2);
  const { mesh, seen } = await startNode(folder);
  await expect.poll(() => seen.peers.length, slow).toBe(2);
  const [victim] = told.filter(({ id }) => id !== undefined);
  process.kill(victim?.pid as number, 'SIGKILL');
  await expect.poll(async () => (await readdir(folder)).includes(`${victim?.id}.peer`), slow).toBe(false);
  expect(seen.gone).toEqual([victim?.id]);
  expect(mesh.drops.size).toBe(0);
});

test('a peer that is stopped is let go, keeps nobody waiting, and is met again with a gap', async () => {
  const folder = await makeFolder();
  const child = await startChild(folder);
  const { mesh, seen } = await startNode(folder);
  const id = child.told.find((one) => one.id !== undefined)?.id as string;
  await expect.poll(isKnownBy(child, mesh), slow).toBe(true);
  child.process.send({ follow: 7 });

  child.process.kill('SIGSTOP');
  const before = performance.now();
  await mesh.follow(1, () => {});
  // Together: if it has just not been missed yet, all wait for it once more, and not one after the other.
  await Promise.all(Array.from({ length: 100 }, (_, bucket) => mesh.follow(100 + bucket, () => {})));
  expect(performance.now() - before).toBeLessThan(10 * short.follow);
  const message = Buffer.alloc(1024 * 1024);
  for (let count = 0; count < 200; count++) mesh.publishTo(7, message);
  await expect.poll(() => seen.gone, slow).toEqual([id]);
  expect([...mesh.drops.keys()].some((cause) => cause === 'silent' || cause === 'behind')).toBe(true);
  // It accepts connections, as any process that is stopped does; nothing is queued on them.
  const rss = process.memoryUsage().rss;
  for (let count = 0; count < 1_000; count++) mesh.publishTo(7, message);
  expect(process.memoryUsage().rss - rss).toBeLessThan(100 * 1024 * 1024);

  child.process.kill('SIGCONT');
  await expect.poll(() => seen.peers.filter((peer) => peer === id).length, slow).toBe(2);
  await expect.poll(() => child.told.some(({ gap }) => gap === true), slow).toBe(true);
  mesh.publishTo(7, Buffer.from('to the child'));
  await expect.poll(() => child.told.some(({ message }) => message === 'to the child'), slow).toBe(true);
});

test('a node that has not met a peer knows that, and a message to that peer alone is told to it as a gap', async () => {
  const folder = await makeFolder();
  const child = await startChild(folder);
  const id = child.told.find((one) => one.id !== undefined)?.id as string;
  child.process.kill('SIGSTOP');
  const { mesh } = await startNode(folder);
  expect(mesh.isJoined).toBe(false);
  mesh.send(id, Buffer.from('to the child'));
  child.process.kill('SIGCONT');
  await expect.poll(() => mesh.isJoined, slow).toBe(true);
  await expect.poll(() => child.told.some(({ gap }) => gap === true), slow).toBe(true);
});

test('what a peer that was stopped says first reaches a room that was entered meanwhile', async () => {
  const folder = await makeFolder();
  const child = await startChild(folder);
  const { mesh, seen } = await startNode(folder, { ...short, silence: 20_000 });
  await expect.poll(isKnownBy(child, mesh), slow).toBe(true);
  for (let round = 0; round < 2; round++) {
    child.process.kill('SIGSTOP');
    // In the queue of the child before it knows of the bucket.
    child.process.send({ publishTo: round });
    let isLate = false;
    await mesh.follow(round, () => {
      isLate = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 1_350));
    child.process.kill('SIGCONT');
    await expect.poll(() => seen.messages.length, slow).toBe(round + 1);
    await expect.poll(() => isLate, slow).toBe(true);
  }
});

test('who connects and says nothing, or garbage, is let go, and nobody notices', async () => {
  const folder = await makeFolder();
  const [one, two] = [await startNode(folder), await startNode(folder)];
  const silent = await connectTo(folder, one.mesh);
  const garbage: Buffer[] = [
    Buffer.alloc(1024, 0xff),
    Buffer.alloc(1024),
    Buffer.from('GET / HTTP/1.1\r\n\r\n'),
    writeFrame(forward.message, Buffer.from('no greeting')),
    writeFrame(forward.hello, Buffer.from('0123456789ab')),
    writeFrame(forward.hello, greetingOf('../../etc/abc')),
    Buffer.concat([writeFrame(forward.hello, greetingOf('0123456789ab')), writeFrame(99)]),
    Buffer.concat([writeFrame(forward.hello, greetingOf('0123456789ab')), Buffer.alloc(64, 0xff)]),
    Buffer.concat([
      writeFrame(forward.hello, greetingOf('0123456789ab')),
      writeFrame(forward.open),
      writeFrame(forward.followed),
    ]),
  ];
  const all = await Promise.all(
    garbage.map(async (bytes) => {
      const connection = await connectTo(folder, one.mesh);
      connection.socket.write(bytes);
      return connection;
    }),
  );
  await Promise.all([silent, ...all].map(({ closed }) => closed));
  await two.mesh.follow(3, () => {});
  one.mesh.publishTo(3, Buffer.from('still here'));
  await expect.poll(() => two.seen.messages).toEqual(['still here']);
  expect(one.seen.messages).toEqual([]);
  expect(one.mesh.drops.get('no greeting')).toBe(1);
  expect(one.mesh.drops.get('malformed')).toBeGreaterThanOrEqual(7);
});

test('a peer that connects twice is heard on the connection that came last', async () => {
  const folder = await makeFolder();
  const { mesh, seen } = await startNode(folder);
  const greeting = writeFrame(forward.hello, greetingOf('0123456789ab'));
  const first = await connectTo(folder, mesh);
  first.socket.write(greeting);
  const second = await connectTo(folder, mesh);
  second.socket.write(Buffer.concat([greeting, writeFrame(forward.message, Buffer.from('second'))]));
  await first.closed;
  await expect.poll(() => seen.messages).toEqual(['second']);
});

test('files that are no sockets of nodes are left alone; those of dead nodes are removed', async () => {
  const folder = await makeFolder();
  await writeFile(join(folder, 'notes.peer'), '');
  await writeFile(join(folder, 'notes.txt'), '');
  await writeFile(join(folder, '0123456789ab.peer'), '');
  const { mesh } = await startNode(folder);
  await expect
    .poll(async () => (await readdir(folder)).sort())
    .toEqual(['notes.peer', 'notes.txt', `${mesh.id}.peer`].sort());
});

test.each(['the folder', 'a socket'])('nodes meet those that start after %s was deleted', async (what) => {
  const folder = await makeFolder();
  const [one, two] = [await startNode(folder), await startNode(folder)];
  if (what === 'the folder') await rm(folder, { recursive: true });
  else await rm(join(folder, `${one.mesh.id}.peer`));
  // At once, before the others have noticed.
  const three = await startNode(folder);
  const nodes = [one, two, three];
  const isMet = () =>
    nodes.every(({ mesh, seen }) => nodes.every((to) => to.mesh === mesh || seen.peers.includes(to.mesh.id)));
  await expect.poll(isMet, slow).toBe(true);
  nodes.forEach(({ mesh }, index) => void mesh.publish(Buffer.from(`${index}`)));
  await expect
    .poll(() => nodes.map(({ seen }) => seen.messages.toSorted()), slow)
    .toEqual([
      ['1', '2'],
      ['0', '2'],
      ['0', '1'],
    ]);
  // Nobody who was connected was let go.
  expect(nodes.flatMap(({ seen }) => seen.gone)).toEqual([]);
});

test('a node that has said nothing is met without a gap; one that has is met with one', async () => {
  const folder = await makeFolder();
  const one = await startNode(folder);
  const two = await startNode(folder);
  await expect.poll(() => two.seen.peers.length + one.seen.peers.length).toBe(2);
  expect([one.seen.gaps, two.seen.gaps]).toEqual([0, 0]);
  one.mesh.publishTo(1, Buffer.from('x'));
  const three = await startNode(folder);
  await expect.poll(() => three.seen.gaps).toBe(1);
  expect([one.seen.gaps, two.seen.gaps]).toEqual([0, 0]);
});
