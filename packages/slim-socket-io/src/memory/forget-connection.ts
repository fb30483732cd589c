import type { EngineConnection, Listener } from '../internals/private-names.ts';

/** How Engine.IO forgets a connection that closes. */
const text = /^\(\) => \{\s*delete this\.clients\[id\];\s*this\.clientsCount--;\s*\}$/;

/** The same code for all connections, of which Engine.IO makes a function each. V8 keeps its text once. */
let known: string | undefined;

/** Whether a listener is that with which Engine.IO forgets a connection that closes. */
export function forgetsConnection(listener: Listener): boolean {
  const code = String(listener);
  if (code === known) return true;
  if (!text.test(code)) return false;
  known = code;
  return true;
}

/** Does the same for all connections. */
export function forgetConnection(this: EngineConnection): void {
  const { server, id } = this;
  delete server.clients[id];
  server.clientsCount--;
}
