import { CommandError } from '../command-error.ts';
import { loadProject, type ProjectOptions } from '../project.ts';

/** Time for the migration of all sessions, in milliseconds, beyond the push-server's own deadline. */
const spareMs = 5_000;

/** `gopush drain <index>`: a push-server of this machine migrates all its sessions to others, and keeps running. */
export async function drain(index: string, options: ProjectOptions): Promise<void> {
  if (!/^\d{1,3}$/.test(index)) throw new CommandError(2, `drain ${index}: wanted the index of a push-server, from 0`);
  const { config } = await loadProject(options);
  const { admin, pushServer } = config;
  if (admin === null || admin.serverPort === 0) {
    throw new CommandError(
      2,
      'admin.serverPort: found none, wanted the port of the admin listener of the first push-server',
    );
  }
  const url = `http://${admin.host}:${admin.serverPort + Number(index)}/drain`;
  const [key] = admin.keys;
  const headers: Record<string, string> = key === undefined ? {} : { authorization: `Bearer ${key.key}` };
  const signal = AbortSignal.timeout(Math.max(pushServer.drainMs, pushServer.maxDrainMs) + spareMs);
  const answer = await fetch(url, { method: 'PUT', headers, signal }).catch((error: Error) => {
    throw new CommandError(1, `push-server ${index} cannot be reached at ${url}: ${error.message}`);
  });
  const text = await answer.text();
  if (!answer.ok) throw new CommandError(1, `push-server ${index} responded ${answer.status}: ${text.trim()}`);
  process.stdout.write(text);
}
