import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

/** A request as a receiver gets it. */
export interface Received {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly response: ServerResponse;
}

/** Somebody who is told: each request is given out, and answered by the test. */
export async function startReceiver() {
  const waiting: Received[] = [];
  const asking: ((one: Received) => void)[] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    const one = { headers: request.headers, body, response };
    const ask = asking.shift();
    if (ask === undefined) waiting.push(one);
    else ask(one);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const next = (): Promise<Received> => {
    const one = waiting.shift();
    return one === undefined ? new Promise((resolve) => asking.push(resolve)) : Promise.resolve(one);
  };
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    next,
    /** Takes requests until this many events have arrived. */
    async events(count: number) {
      const all: { id: string; type: string; [field: string]: unknown }[] = [];
      while (all.length < count) {
        const { body, response } = await next();
        all.push(...JSON.parse(body).events);
        response.end();
      }
      return all;
    },
  };
}
