import { existsSync } from 'node:fs';
import type { LaunchOptions } from 'playwright-core';

const candidates = [
  process.env.CHROMIUM_PATH,
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];

/** The program of a Chromium; `undefined`: none is installed. */
export const executablePath = candidates.find((path) => path !== undefined && existsSync(path));

const disableFeatures = '--disable-features=';

/** Features that are turned off. Chromium uses the last list that it is given, so Playwright's list is repeated here. */
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
  // It needs no spare process for each page either.
  ...['PreconnectToSearch', 'SpareRendererForSitePerProcess'],
];

/**
 * How Playwright starts a Chromium.
 *
 * @param more - arguments of its command line
 */
export function launchOptions(more: readonly string[] = []): LaunchOptions {
  if (executablePath === undefined) throw new Error('no Chromium found: install it, or set CHROMIUM_PATH');
  const [features, others] = [true, false].map((listed) =>
    more.filter((argument) => argument.startsWith(disableFeatures) === listed),
  ) as [string[], string[]];
  const without = [...withoutFeatures, ...features.map((argument) => argument.slice(disableFeatures.length))];
  return {
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
  };
}
