import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import { violationsOf } from './violations-of.ts';

/** A folder for pictures of the pages that tests look at; absent: none are made. */
const { SCREENSHOTS } = process.env;

/** Looks at a page on a phone, in light and in dark: everybody can read it, and it fits. */
export async function lookAt(page: Page, name: string): Promise<void> {
  const before = page.viewportSize();
  await page.setViewportSize({ width: 390, height: 844 });
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    expect([name, colorScheme, await violationsOf(page)]).toEqual([name, colorScheme, []]);
    if (SCREENSHOTS !== undefined) await page.screenshot({ path: join(SCREENSHOTS, `${name}-${colorScheme}.png`) });
  }
  expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(390);
  if (before !== null) await page.setViewportSize(before);
}
