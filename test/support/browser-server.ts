import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { BrowserServer } from 'playwright-core';
import { launchOptions } from './chromium.ts';

// One Chromium for all files of a run: to start one takes more than a second of processor time, and a dozen files need one. It starts when
// the first of them asks, at the address in TEST_BROWSER.
class SharedBrowser {
  #listener: Promise<Server> | undefined;
  #browser: Promise<BrowserServer> | undefined;

  async listen(): Promise<void> {
    this.#listener ??= this.#listen();
    await this.#listener;
  }

  async close(): Promise<void> {
    const server = await this.#listener;
    server?.closeAllConnections();
    server?.close();
    await (await this.#browser)?.close();
  }

  async #listen(): Promise<Server> {
    const server = createServer((_request, response) => {
      this.#browser ??= this.#start();
      this.#browser.then(
        (browser) => response.end(browser.wsEndpoint()),
        (error: Error) => response.writeHead(500).end(error.message),
      );
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    process.env.TEST_BROWSER = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    return server;
  }

  async #start(): Promise<BrowserServer> {
    const { chromium } = await import('playwright-core');
    const browser = await chromium.launchServer({ ...launchOptions(), host: '127.0.0.1' });
    // One that has crashed is replaced.
    browser.once('close', () => {
      this.#browser = undefined;
    });
    return browser;
  }
}

// Each project of Vitest loads this file and calls both: all of them have the same one.
const all = globalThis as { [key: symbol]: SharedBrowser | undefined };
const key = Symbol.for('gopush.browser');
all[key] ??= new SharedBrowser();
const browser = all[key];

export const setup = (): Promise<void> => browser.listen();
export const teardown = (): Promise<void> => browser.close();
