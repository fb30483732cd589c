import { readdirSync } from 'node:fs';
import { connect } from 'node:net';
import { takersIn } from '../channel/folder.ts';
import { changedAt, removeFile } from '../channel/socket-file.ts';

/** A socket that is younger may be about to listen. */
const youngMs = 5_000;

/** Removes the sockets of takers of a port that have died. @param young - age up to which they are left alone, in milliseconds */
export async function removeStale(dir: string, port: number, young = youngMs): Promise<void> {
  const files = takersIn(dir).filter((taker) => taker.port === port);
  await Promise.all(
    files.map(async ({ messages, descriptors }) => {
      if (isYoung(messages, young) || (await listens(messages))) return;
      removeFile(messages);
      removeFile(descriptors);
    }),
  );
  removeHalves(dir, port, young);
}

/** Sockets for descriptors whose taker died before it listened. */
function removeHalves(dir: string, port: number, young: number): void {
  const keys = new Set(takersIn(dir).map(({ key }) => key));
  for (const name of readdirSync(dir)) {
    const [, of, key] = /^(\d+)\.([0-9a-f]{8})\.fds$/.exec(name) ?? [];
    const path = `${dir}/${name}`;
    if (key !== undefined && Number(of) === port && !keys.has(key) && !isYoung(path, young)) removeFile(path);
  }
}

function isYoung(path: string, young: number): boolean {
  const changed = changedAt(path);
  return changed !== undefined && Date.now() - changed < young;
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
