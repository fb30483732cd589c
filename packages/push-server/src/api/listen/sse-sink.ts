import type { ServerResponse } from 'node:http';
import { endMs, type Sink } from './sink.ts';

/** After how long a listener that was ended comes back, in milliseconds. */
const retryMs = 1_000;

/** Begins a response of Server-Sent Events (https://html.spec.whatwg.org/multipage/server-sent-events.html). */
export function createSseSink(response: ServerResponse): Sink {
  response.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    // Or nginx would buffer events.
    'x-accel-buffering': 'no',
  });
  response.flushHeaders();
  // An error is followed by `close`.
  response.on('error', () => {});
  let ended = false;
  return {
    kind: 'sse',
    send(type, id, data) {
      if (!ended) response.write(`id: ${id}\nevent: ${type}\ndata: ${data}\n\n`);
    },
    get waiting() {
      return response.writableLength;
    },
    beat(id) {
      // Without data it is no event; the client keeps the id, which it sends when it comes back.
      if (!ended) response.write(`:\nid: ${id}\n\n`);
    },
    end(reason) {
      if (ended) return;
      ended = true;
      response.end(`retry: ${retryMs}\nevent: end\ndata: ${JSON.stringify({ code: reason })}\n\n`);
      const cut = setTimeout(() => response.destroy(), endMs).unref();
      response.once('close', () => clearTimeout(cut));
    },
    cut: () => void response.destroy(),
    onClose: (listener) => void response.once('close', listener),
  };
}
