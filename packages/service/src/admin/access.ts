import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { isIPv4 } from 'node:net';
import { Attempts } from '../attempts.ts';
import { perSecond, TokenBucket } from '../token-bucket.ts';

/** A key of an admin listener. */
export interface AdminKey {
  /** Name of the key in logs. */
  readonly name: string;
  readonly key: string;
}

/**
 * The right that a request needs.
 *
 * - `nothing`: probes and metrics
 * - `read`: a key, or to come from this machine
 * - `act`: a key, or to come from this machine while there are no keys
 * - `key`: a key
 */
export type Need = 'nothing' | 'read' | 'act' | 'key';

/** Who sends a request. */
export interface Caller {
  /** Name of the key; `none`: without one. */
  readonly name: string;
  readonly hasKey: boolean;
  readonly address: string;
}

/** Why a request is refused. */
export interface Denial {
  readonly status: 401 | 403 | 429;
  readonly why: 'no key' | 'wrong key' | 'too many';
  /** For people. */
  readonly text: string;
}

/** Requests per second that an admin listener serves for each key, and for this machine without one; as many may come at once. */
const rate = perSecond(100);

/** Headers of proxies: a request through a proxy does not come from this machine. */
const proxyHeaders = ['x-forwarded-for', 'x-forwarded-host', 'x-real-ip', 'forwarded', 'via'];

/** Decides who may send which requests to an admin listener. */
export class AdminAccess {
  readonly #keys: readonly KnownKey[];
  readonly #wrongKeys = new Attempts();
  /** Requests of this machine without a key. A refused request takes no token, neither here nor of a key. */
  readonly #ofMachine = new TokenBucket(rate, performance.now());

  constructor(keys: readonly AdminKey[]) {
    const now = performance.now();
    this.#keys = keys.map(({ name, key }) => ({ name, hash: hashOf(key), requests: new TokenBucket(rate, now) }));
  }

  /** @returns who sends a request, or why it is refused */
  admit(request: IncomingMessage, need: Need): Caller | Denial {
    const { remoteAddress: address = 'unknown' } = request.socket;
    const keyless = { name: 'none', hasKey: false, address };
    if (need === 'nothing') return keyless;
    const key = readKey(request);
    if (key !== undefined) {
      // A right key does not help either, or it would show that it is right.
      if (this.#wrongKeys.isSpent(address)) return deny(429, 'too many', 'too many wrong keys: try again in a minute');
      const known = this.#find(key);
      if (known !== undefined) {
        this.#wrongKeys.proved(address);
        return within(known.requests, { name: known.name, hasKey: true, address });
      }
      this.#wrongKeys.take(address);
      return deny(401, 'wrong key', 'the key is none of admin.keys');
    }
    if (need === 'key') return this.#demandKey('this needs a key');
    if (!isFromHere(request)) return this.#demandKey('requests from other machines need a key');
    if (need === 'act' && this.#keys.length > 0) return this.#demandKey('this needs a key');
    return within(this.#ofMachine, keyless);
  }

  #demandKey(text: string): Denial {
    return this.#keys.length === 0
      ? deny(403, 'no key', `${text}, and there are none: set admin.keys`)
      : deny(401, 'no key', `${text}: send one of admin.keys as Authorization: Bearer`);
  }

  /** Compares with all keys, so that its duration reveals nothing about a key. */
  #find(key: string): KnownKey | undefined {
    const hash = hashOf(key);
    let found: KnownKey | undefined;
    for (const one of this.#keys) if (timingSafeEqual(one.hash, hash)) found = one;
    return found;
  }
}

interface KnownKey {
  readonly name: string;
  readonly hash: Buffer;
  readonly requests: TokenBucket;
}

/** @returns the caller, unless it has made too many requests */
function within(requests: TokenBucket, caller: Caller): Caller | Denial {
  if (requests.take(performance.now())) return caller;
  return deny(429, 'too many', 'too many requests: try again in a second');
}

function deny(status: Denial['status'], why: Denial['why'], text: string): Denial {
  return { status, why, text };
}

function readKey({ headers }: IncomingMessage): string | undefined {
  const own = headers['x-api-key'];
  if (typeof own === 'string' && own !== '') return own;
  return /^bearer +(\S+) *$/i.exec(headers.authorization ?? '')?.[1];
}

/** Whether a request comes from this machine: a peer with our own address is on it as well. */
function isFromHere({ socket, headers }: IncomingMessage): boolean {
  if (proxyHeaders.some((name) => headers[name] !== undefined)) return false;
  const { remoteAddress = '', localAddress } = socket;
  const plain = remoteAddress.replace(/^::ffff:/, '');
  return plain === '::1' || (isIPv4(plain) && plain.startsWith('127.')) || remoteAddress === localAddress;
}

function hashOf(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}
