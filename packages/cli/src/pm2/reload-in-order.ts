import { execFile } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { CommandError } from '../command-error.ts';
import { awaitOwners, settleMs } from '../hand-offs/await-owners.ts';
import { describeOwners, sumOwners } from '../hand-offs/owners.ts';
import { tellMs } from '../hand-offs/tell-owners.ts';
import type { Pm2Process } from './list-processes.ts';

/** pm2 with a project. */
export interface ReloadOptions {
  readonly ecosystem: string;
  readonly env: NodeJS.ProcessEnv;
  /** Whether agents hand connections over. */
  readonly handsOver: boolean;
  readonly run: (args: readonly string[], env?: NodeJS.ProcessEnv) => Promise<void>;
  readonly list: () => Promise<readonly Pm2Process[]>;
}

/** Between two looks at the processes of pm2, each of which starts a process, in milliseconds. */
const lookMs = 500;

/**
 * Reloads all programs of an ecosystem file: agents last, and with hand-offs one process after the other. By itself pm2 would reload both
 * tiers at the same time, and so end both owners of a connection.
 *
 * Within a tier nothing has to be waited for: a connection that was handed over has its owners in different tiers.
 */
export async function reloadInOrder({ ecosystem, env, handsOver, run, list }: ReloadOptions): Promise<void> {
  const names = await readNames(ecosystem, env);
  const one = handsOver ? { ...env, PM2_CONCURRENT_ACTIONS: '1' } : env;
  for (const group of [names.others, names.agents]) {
    if (group.length === 0) continue;
    if (handsOver) await settle(list);
    await run(['reload', ecosystem, '--update-env', '--only', group.join(',')], one);
  }
}

/** Waits until no client would notice the end of a process, and says so if that takes too long. */
async function settle(list: ReloadOptions['list']): Promise<void> {
  // What a process has told last may be as old as that.
  await delay(tellMs * 2);
  const read = async () => sumOwners((await list()).map(({ owners }) => owners));
  const left = await awaitOwners(read, { lookMs, longestMs: settleMs });
  if (left === undefined) return;
  process.stderr.write(
    `${describeOwners(left)}, after ${settleMs / 1_000} s. They may notice the reload, which continues\n`,
  );
}

/** Prints the parts of an ecosystem file that are needed here. */
const readEcosystem = `
const { apps } = require(process.argv[1]);
console.log(JSON.stringify(apps.map(({ name, env }) => ({ name, tier: env?.GOPUSH_TIER }))));
`;

/** The programs of an ecosystem file: it may have more than those of gopush. */
async function readNames(ecosystem: string, env: NodeJS.ProcessEnv) {
  const { stdout } = await promisify(execFile)(process.execPath, ['-e', readEcosystem, ecosystem], { env }).catch(
    (error: Error & { readonly stderr?: string }) => {
      throw new CommandError(1, `${ecosystem} cannot be read: ${error.stderr || error.message}`);
    },
  );
  const apps: readonly { readonly name: string; readonly tier?: string }[] = JSON.parse(stdout);
  const namesOf = (isAgent: boolean) =>
    apps.filter(({ tier }) => (tier === 'agent') === isAgent).map(({ name }) => name);
  return { others: namesOf(false), agents: namesOf(true) };
}
