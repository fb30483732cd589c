import { IncomingMessage } from 'node:http';
import type { HookRequest } from '@gopush/contract';
import { parse } from 'cookie';

/** A client's request as hooks see it. Query and cookies are parsed only when a hook looks at them. */
export class AgentRequest extends IncomingMessage implements HookRequest {
  get path(): string {
    const url = this.url ?? '/';
    const mark = url.indexOf('?');
    return mark === -1 ? url : url.slice(0, mark);
  }

  get query(): Readonly<Record<string, string | undefined>> {
    return this.#remember('query', parseQuery(this.url ?? '/'));
  }

  get cookies(): Readonly<Record<string, string | undefined>> {
    return this.#remember('cookies', parse(this.headers.cookie ?? ''));
  }

  // Express swaps a request's prototype and assigns to these names, so what is remembered stays assignable.
  #remember<T>(key: string, value: T): T {
    Object.defineProperty(this, key, { value, writable: true, configurable: true, enumerable: true });
    return value;
  }
}

function parseQuery(url: string): Record<string, string | undefined> {
  const query: Record<string, string | undefined> = Object.create(null);
  const mark = url.indexOf('?');
  if (mark === -1) return query;
  for (const [key, value] of new URLSearchParams(url.slice(mark + 1))) query[key] ??= value;
  return query;
}
