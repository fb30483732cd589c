import { createRequire } from 'node:module';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { type Ended, makeFolder, startProgram } from './cli.ts';

const pm2Bin = createRequire(import.meta.url).resolve('pm2/bin/pm2');

/** A process as pm2 lists it. */
export interface Pm2Listed {
  readonly name: string;
  readonly pid: number;
  readonly pm2_env: { readonly status: string; readonly restart_time: number; readonly pm_out_log_path: string };
}

/** A pm2 of the test's own, with nothing else in it. */
export async function startPm2() {
  const home = await makeFolder();
  const env = { PM2_HOME: join(home, 'pm2') };
  const pm2 = (...args: string[]): Promise<Ended> => startProgram(process.execPath, [pm2Bin, ...args], { env }).ended;
  onTestFinished(async () => {
    await pm2('kill');
  });
  const list = async (): Promise<Pm2Listed[]> => JSON.parse((await pm2('jlist')).stdout.replace(/^[^[]*/, ''));
  return { env, pm2, list };
}
