import type { Browser } from 'playwright-core';
import { chromium } from 'playwright-core';
import { onTestFinished } from 'vitest';
import type { Cleanup } from '../../packages/store/test/support/redis.ts';
import { executablePath, launchOptions } from './chromium.ts';

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

/**
 * A real Chromium for a test, or for all tests of a file: the one of all files (browser-server.ts), unless it needs arguments of its own. Its
 * windows, cookies and caches are seen by nobody else, and end with it.
 */
export async function openBrowser(cleanup: Cleanup, more: readonly string[] = []): Promise<Browser> {
  const browser = more.length === 0 ? await joinBrowser() : await chromium.launch(launchOptions(more));
  cleanup(() => browser.close());
  return browser;
}

async function joinBrowser(): Promise<Browser> {
  const response = await fetch(process.env.TEST_BROWSER ?? '');
  const text = await response.text();
  if (!response.ok) throw new Error(text);
  return chromium.connect(text);
}
