import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { freePort } from '../../packages/store/test/support/redis.ts';
import { bin, type RunningCommand, startProgram } from '../support/cli.ts';

const folderOf = (example: string): string => fileURLToPath(new URL(`../../examples/${example}`, import.meta.url));

/** An example that runs. */
export interface Example {
  readonly running: RunningCommand;
  readonly url: string;
}

/** Starts a program of an example in its folder; its `open …` says where it serves. */
export async function startExample(example: string, file: string, env: NodeJS.ProcessEnv = {}): Promise<Example> {
  const running = startProgram(process.execPath, [file], { cwd: folderOf(example), env });
  const pattern = /(?:open|listening at) (http:\S+)\n/;
  await running.until(pattern);
  return { running, url: pattern.exec(running.stdout())?.[1] ?? '' };
}

/** Runs `gopush` in the folder of an example, on free ports; resolves when it serves. */
export async function startProject(
  example: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<Example> {
  const port = await freePort();
  const running = startProgram(process.execPath, [bin, ...args], {
    cwd: folderOf(example),
    env: {
      GOPUSH_AGENT_PORT: String(port),
      GOPUSH_SERVER_PORT_START: String(await freePort(4)),
      GOPUSH_ADMIN: 'null',
      // Other work on the machine is no reason to refuse clients.
      GOPUSH_LIMITS_EVENT_LOOP_DELAY_MS: '0',
      GOPUSH_PUSH_SERVER_LIMITS_BEGIN_DELAY_MS: '0',
      ...env,
    },
  });
  await running.until(/gopush is ready/);
  return { running, url: `http://${env.GOPUSH_AGENT_HOST ?? '127.0.0.1'}:${port}` };
}

/** Resolves when an element of a page shows a number that is at least so much. */
export async function atLeast(page: Page, selector: string, least: number): Promise<void> {
  const wanted = [selector, least] as const;
  // Not with each frame: Chromium would draw sixty a second for as long as it waits.
  const options = { polling: 100 };
  await page.waitForFunction(
    ([where, count]) => Number(document.querySelector(where)?.textContent) >= count,
    wanted,
    options,
  );
}

/** The number that an element of a page shows. */
export const numberIn = (page: Page, selector: string): Promise<number> =>
  page.locator(selector).textContent().then(Number);
