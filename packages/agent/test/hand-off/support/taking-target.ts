import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openTaker, type TakenConnection, type Taker } from '@gopush/hand-off';
import { onTestFinished } from 'vitest';
import { startEchoTarget, type TestTarget } from '../../support/target.ts';

/** A folder for hand-offs that only this user can enter. */
export async function makeHandOffDir(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'hand-off-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

/** A target whose server takes connections that agents hand over. */
export interface TakingTarget extends TestTarget {
  readonly taker: Taker;
  /** What it was offered, oldest first. */
  readonly taken: readonly TakenConnection[];
  /** What threw. */
  readonly faults: readonly unknown[];
}

/** Options of {@link takeHandOffs}. */
interface TakingOptions {
  readonly maxConnections?: number;
}

/** Has a target take connections. */
export async function takeHandOffs(
  target: TestTarget,
  dir: string,
  options: TakingOptions = {},
): Promise<TakingTarget> {
  const taken: TakenConnection[] = [];
  const faults: unknown[] = [];
  const taker = await openTaker({
    ...options,
    dir,
    port: target.port,
    name: `target ${target.port}`,
    onConnection(connection) {
      taken.push(connection);
      target.server.emit('connection', connection.socket);
    },
    onCloseRequest(connection, code, cause) {
      connection.ending = { code, cause };
      const frame = Buffer.from([0x88, 2, 0, 0]);
      frame.writeUInt16BE(code, 2);
      connection.socket.end(frame);
    },
    onGiver() {},
    onFault: (error) => faults.push(error),
  });
  onTestFinished(async () => {
    await taker.close();
    for (const { socket } of taken) socket.destroy();
  });
  return { ...target, taker, taken, faults };
}

/** An echo target that takes connections. */
export async function startTakingEcho(dir: string): Promise<TakingTarget> {
  return takeHandOffs(await startEchoTarget(), dir);
}
