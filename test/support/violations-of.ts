import axe from 'axe-core';
import type { Page } from 'playwright-core';

/** What keeps people with disabilities from using a page, by the rules of axe-core, in words. */
export async function violationsOf(page: Page): Promise<string[]> {
  // By the debugger's protocol: the policy of a page may allow no other scripts.
  const session = await page.context().newCDPSession(page);
  const evaluate = (expression: string, options = {}) => session.send('Runtime.evaluate', { expression, ...options });
  // A page that was looked at before has it.
  const { result: kind } = await evaluate('typeof axe');
  if (kind.value === 'undefined') await evaluate(axe.source);
  // Rules that pass are not described: that would take as long as finding them.
  const { result } = await session.send('Runtime.evaluate', {
    expression:
      'axe.run({ resultTypes: ["violations"] }).then(({ violations }) => JSON.stringify(violations.map(({ id, nodes }) => [id, ...nodes.map(({ html }) => html.slice(0, 160))].join(" | "))))',
    awaitPromise: true,
    returnByValue: true,
  });
  await session.detach();
  return JSON.parse(String(result.value));
}
