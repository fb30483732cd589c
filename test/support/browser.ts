import { existsSync } from 'node:fs';
import type { Browser } from 'playwright-core';
import { chromium } from 'playwright-core';
import { onTestFinished } from 'vitest';
import type { Cleanup } from '../../packages/store/test/support/redis.ts';

const candidates = [
  process.env.CHROMIUM_PATH,
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];

const executablePath = candidates.find((path) => path !== undefined && existsSync(path));

/** Why browser tests cannot run here; `undefined`: they can. In CI a missing browser is a failure, not a reason to skip. */
export const noBrowser =
  executablePath === undefined && process.env.CI === undefined
    ? 'no Chromium found (install it, or set CHROMIUM_PATH)'
    : undefined;
if (noBrowser !== undefined) console.warn(`browser tests are skipped: ${noBrowser}`);

/**
 * A real Chromium that ends with the test.
 *
 * @param more - arguments of its command line
 */
export const startBrowser = (...more: string[]): Promise<Browser> => openBrowser(onTestFinished, more);

/** A real Chromium that ends with a test, or with all tests of a file. */
export async function openBrowser(cleanup: Cleanup, more: readonly string[] = []): Promise<Browser> {
  if (executablePath === undefined) throw new Error('no Chromium found: install it, or set CHROMIUM_PATH');
  const browser = await chromium.launch({
    executablePath,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--no-first-run',
      ...more,
    ],
  });
  cleanup(() => browser.close());
  return browser;
}
