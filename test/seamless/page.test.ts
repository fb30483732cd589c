import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { noBrowser, startBrowser } from '../support/browser.ts';
import { startProgram } from '../support/cli.ts';
import { lookAt } from '../support/look-at.ts';

/** What the page has counted. */
const read = (page: Page, what: string): Promise<number> => page.locator(`#${what}`).textContent().then(Number);

/** Resolves when a counter of the page has grown by this much. */
async function more(page: Page, what: string, by: number): Promise<void> {
  const wanted = [what, (await read(page, what)) + by] as const;
  // Not with each frame: Chromium would draw sixty a second for as long as it waits.
  const options = { polling: 100 };
  await page.waitForFunction(
    ([id, least]) => Number(document.getElementById(id)?.textContent) >= least,
    wanted,
    options,
  );
}

test.skipIf(noBrowser)(
  'examples/seamless: a page goes on through a rolling restart, and while push-server and agent are killed',
  {
    timeout: 120_000,
  },
  async () => {
    const running = startProgram(process.execPath, ['examples/seamless/main.js'], { env: { PORT: '0' } });
    const browser = await startBrowser();
    await running.until(/open http:\S+\n/);
    const page = await browser.newPage();
    const errors: string[] = [];
    page.on('pageerror', (error) => errors.push(error.message));
    let sockets = 0;
    page.on('websocket', () => sockets++);
    await page.goto(/open (http:\S+)/.exec(running.stdout())?.[1] ?? '');
    await more(page, 'messages', 10);
    await more(page, 'answers', 2);
    const first = await page.locator('#server').textContent();

    await page.click('#restart');
    await page.locator('#restart:enabled').waitFor();
    expect(await page.locator('#state').textContent()).toMatch('all processes run');
    await more(page, 'messages', 10);
    await more(page, 'answers', 2);
    const restarted = await page.locator('#server').textContent();
    expect(restarted).not.toBe(first);

    await page.click('#kill');
    await page.locator('#kill:enabled').waitFor();
    expect(await page.locator('#state').textContent()).toMatch('all processes run');
    await more(page, 'messages', 10);
    await more(page, 'answers', 2);
    expect(await page.locator('#server').textContent()).not.toBe(restarted);

    // Only on Linux the connection is handed over.
    const handsOver = process.platform === 'linux';
    for (const order of handsOver ? ['#agent', '#kill', '#agent'] : []) {
      await page.click(order);
      await page.locator(`${order}:enabled`).waitFor();
      expect(await page.locator('#state').textContent()).toMatch('all processes run');
      await more(page, 'messages', 10);
      await more(page, 'answers', 2);
    }

    const counted = {
      disconnects: await read(page, 'disconnects'),
      gaps: await read(page, 'gaps'),
      doubles: await read(page, 'doubles'),
    };
    expect(counted).toEqual({ disconnects: 0, gaps: 0, doubles: 0 });
    const ended = running.stdout().match(/ended with (SIGKILL|0)/g);
    const killed = Array.from({ length: handsOver ? 4 : 1 }, () => 'ended with SIGKILL');
    expect(ended).toEqual(['ended with 0', 'ended with 0', ...killed]);
    expect([sockets, errors]).toEqual([1, []]);

    await lookAt(page, 'seamless');

    await page.close();
    running.signal('SIGTERM');
    expect(await running.ended).toMatchObject({ code: 0, stderr: '' });
  },
);
