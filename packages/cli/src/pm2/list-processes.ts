import { execFile } from 'node:child_process';
import { realpath } from 'node:fs/promises';
import { promisify } from 'node:util';
import { CommandError } from '../command-error.ts';
import type { Owners } from '../hand-offs/owners.ts';
import { pm2Metrics } from '../hand-offs/tell-owners.ts';

/** A process that pm2 runs for a project. */
export interface Pm2Process {
  readonly id: number;
  readonly name: string;
  readonly tier: string;
  readonly pid: number;
  /** As pm2 calls it: `online` when it serves, `launching`, `waiting restart`, `errored`, `stopped`, … */
  readonly status: string;
  readonly restarts: number;
  readonly errorLog: string;
  /** Who owns its connections; `undefined`: it hands none over. */
  readonly owners: Owners | undefined;
}

/** How long pm2 may take to list its processes, in milliseconds. */
const listMs = 30_000;

/** The processes that pm2 runs for the project in this folder, whatever they are called. */
export async function listProcesses(bin: string, dir: string, env: NodeJS.ProcessEnv): Promise<readonly Pm2Process[]> {
  // A file that is loaded knows its folder without symbolic links.
  const names = new Set<string | undefined>([dir, await realpath(dir).catch(() => dir)]);
  const options = { env, cwd: dir, timeout: listMs, maxBuffer: 256 * 1_048_576 };
  const { stdout } = await promisify(execFile)(process.execPath, [bin, 'jlist'], options);
  // pm2 may write lines before, as that it starts its daemon.
  const list = parse(stdout.slice(stdout.search(/^\[(\{|\])/m)));
  if (list === undefined) throw new CommandError(1, 'pm2 jlist printed no list of processes');
  return list
    .filter(({ pm2_env: { GOPUSH_DIR, GOPUSH_TIER } }) => GOPUSH_TIER !== undefined && names.has(GOPUSH_DIR))
    .map(({ pm_id: id, name, pid, pm2_env }) => ({
      ...{ id, name, pid, tier: pm2_env.GOPUSH_TIER ?? '', status: pm2_env.status },
      ...{ restarts: pm2_env.restart_time, errorLog: pm2_env.pm_err_log_path },
      owners: readOwners(pm2_env.axm_monitor),
    }));
}

/** A process as `pm2 jlist` describes it. */
interface Listed {
  readonly pm_id: number;
  readonly name: string;
  readonly pid: number;
  readonly pm2_env: {
    readonly GOPUSH_DIR?: string;
    readonly GOPUSH_TIER?: string;
    readonly status: string;
    readonly restart_time: number;
    readonly pm_err_log_path: string;
    readonly axm_monitor?: Readonly<Record<string, { readonly value?: unknown }>>;
  };
}

function readOwners(metrics: Listed['pm2_env']['axm_monitor'] = {}): Owners | undefined {
  if (metrics[pm2Metrics.one] === undefined) return undefined;
  const read = (name: string): number => Number(metrics[name]?.value ?? 0);
  return { one: read(pm2Metrics.one), two: read(pm2Metrics.two), waiting: read(pm2Metrics.waiting) };
}

function parse(text: string): readonly Listed[] | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
