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

const disableFeatures = '--disable-features=';

/** What Chromium does without. It takes the last list that it is given, so those of Playwright are repeated. */
const withoutFeatures = [
  // Each window would load two pages of its address bar, which no test looks at: more than the page of most tests.
  ...['WebUIOmniboxPopup', 'WebUIOmniboxAimPopup'],
  ...['AvoidUnnecessaryBeforeUnloadCheckSync', 'DestroyProfileOnBrowserClose', 'HttpsUpgrades'],
  ...[
    'HttpsFirstBalancedModeAutoEnable',
    'LensOverlay',
    'MediaRouter',
    'PaintHolding',
    'ThirdPartyStoragePartitioning',
  ],
  ...['AvoidCorsURLLoaderRestartOnRedirect', 'OptimizationHints', 'NetworkTimeServiceQuerying', 'AimEnabled'],
  'PreconnectToSearch',
];

/**
 * A real Chromium that ends with the test.
 *
 * @param more - arguments of its command line
 */
export const startBrowser = (...more: string[]): Promise<Browser> => openBrowser(onTestFinished, more);

/** A real Chromium that ends with a test, or with all tests of a file. */
export async function openBrowser(cleanup: Cleanup, more: readonly string[] = []): Promise<Browser> {
  if (executablePath === undefined) throw new Error('no Chromium found: install it, or set CHROMIUM_PATH');
  const [features, others] = [true, false].map((listed) =>
    more.filter((argument) => argument.startsWith(disableFeatures) === listed),
  ) as [string[], string[]];
  const without = [...withoutFeatures, ...features.map((argument) => argument.slice(disableFeatures.length))];
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
      disableFeatures + without.join(),
      ...others,
    ],
  });
  cleanup(() => browser.close());
  return browser;
}
