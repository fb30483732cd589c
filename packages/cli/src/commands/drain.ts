import { adminUrl } from '../api/admin-urls.ts';
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
  const listener = adminUrl(admin.host, admin.serverPort + Number(index));
  const url = `${listener}/drain`;
  const [key] = admin.keys;
  const headers: Record<string, string> = key === undefined ? {} : { authorization: `Bearer ${key.key}` };
  const signal = AbortSignal.timeout(Math.max(pushServer.drainMs, pushServer.maxDrainMs) + spareMs);
  const hideProgress = showProgress(listener, headers);
  const answer = await fetch(url, { method: 'PUT', headers, signal })
    .catch((error: Error) => {
      throw new CommandError(1, `push-server ${index} cannot be reached at ${url}: ${error.message}`);
    })
    .finally(hideProgress);
  const text = await answer.text();
  if (!answer.ok) throw new CommandError(1, `push-server ${index} responded ${answer.status}: ${text.trim()}`);
  process.stdout.write(text);
}

/** Between two looks at how many clients are left, in milliseconds. */
const lookMs = 500;

/** Shows how many clients are left, on a terminal. @returns ends that */
function showProgress(listener: string, headers: Readonly<Record<string, string>>): () => void {
  const { stderr } = process;
  if (!stderr.isTTY) return () => {};
  const look = async (): Promise<void> => {
    const response = await fetch(`${listener}/state`, { headers, signal: AbortSignal.timeout(lookMs) });
    const { clients } = (await response.json()) as { clients?: { websocket?: number; polling?: number } };
    const left = (clients?.websocket ?? 0) + (clients?.polling ?? 0);
    if (isShown) stderr.write(`\r${left} clients left\u001b[K`);
  };
  let isShown = true;
  const timer = setInterval(() => void look().catch(() => {}), lookMs);
  return () => {
    isShown = false;
    clearInterval(timer);
    stderr.write('\r\u001b[K');
  };
}
