import { createServer } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { buildSchema } from 'graphql';
import { useServer } from 'graphql-ws/use/ws';
import { WebSocketServer } from 'ws';

const schema = buildSchema(`
  type Query { hello: String }
  type Subscription { time(everyMs: Int = 200): String }
`);

const roots = {
  query: { hello: 'hello' },
  subscription: {
    async *time({ everyMs }) {
      for (;;) {
        yield { time: new Date().toISOString() };
        await delay(Math.max(50, everyMs));
      }
    },
  },
};

/** Subscriptions of GraphQL over WebSocket, with the library that everybody uses for it. */
export function createGraphql() {
  const server = createServer((_request, response) => response.writeHead(426).end());
  useServer({ schema, roots }, new WebSocketServer({ server, maxPayload: 65_536 }));
  return server;
}
