import axe from 'axe-core';
import type { Page } from 'playwright-core';

/** What keeps people with disabilities from using a page, by the rules of axe-core, in words. */
export async function violationsOf(page: Page): Promise<string[]> {
  // By the debugger's protocol: the policy of a page may allow no other scripts.
  const session = await page.context().newCDPSession(page);
  await session.send('Runtime.evaluate', { expression: axe.source });
  const { result } = await session.send('Runtime.evaluate', {
    expression:
      'axe.run().then(({ violations }) => JSON.stringify(violations.map(({ id, nodes }) => [id, ...nodes.map(({ html }) => html.slice(0, 160))].join(" | "))))',
    awaitPromise: true,
    returnByValue: true,
  });
  return JSON.parse(String(result.value));
}
