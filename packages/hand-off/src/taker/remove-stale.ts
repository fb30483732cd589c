import { readdirSync, rmSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { takersIn } from '../channel/folder.ts';

/** A socket that is younger may be about to listen. */
const youngMs = 5_000;

/** Removes the sockets of takers of a port that have died. */
export async function removeStale(dir: string, port: number): Promise<void> {
  const files = takersIn(dir).filter((taker) => taker.port === port);
  await Promise.all(
    files.map(async ({ messages, descriptors }) => {
      if (isYoung(messages) || (await listens(messages))) return;
      rmSync(messages, { force: true });
      rmSync(descriptors, { force: true });
    }),
  );
  removeHalves(dir, port);
}

/** Sockets for descriptors whose taker died before it listened. */
function removeHalves(dir: string, port: number): void {
  const keys = new Set(takersIn(dir).map(({ key }) => key));
  for (const name of readdirSync(dir)) {
    const [, of, key] = /^(\d+)\.([0-9a-f]{8})\.fds$/.exec(name) ?? [];
    const path = `${dir}/${name}`;
    if (key !== undefined && Number(of) === port && !keys.has(key) && !isYoung(path)) rmSync(path, { force: true });
  }
}

function isYoung(path: string): boolean {
  const found = statSync(path, { throwIfNoEntry: false });
  return found !== undefined && Date.now() - found.ctimeMs < youngMs;
}

function listens(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code !== 'ECONNREFUSED'));
  });
}
