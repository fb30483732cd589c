import type { IncomingMessage } from 'node:http';
import { failed, type Result } from '@gopush/contract';

/** Most bytes of all bodies together that hooks are reading, unless a single one may have more. */
const maxInAll = 64 * 1024 * 1024;

/** Small chunks in a row that are joined to one, because each takes far more memory than its bytes. */
const mostSmall = 64;
const smallBytes = 1_024;

/** A request whose body hooks may read. */
interface ReadableRequest extends IncomingMessage {
  /** Keeps the body while hooks may read it. */
  readBody: ReadBody | undefined;
}

/** The bodies of requests while hooks may read them. */
export interface ReadBodies {
  /** Begins to keep the body of a request as it arrives. */
  keep(request: ReadableRequest): void;
}

/**
 * Keeps bodies while hooks may read them, so that a body that a hook has read can still be forwarded.
 *
 * @param maxBytes - largest body that hooks may read, in bytes
 */
export function createReadBodies(maxBytes: number): ReadBodies {
  const budget: Budget = { left: Math.max(maxInAll, maxBytes) };
  return {
    keep(request) {
      request.readBody = new ReadBody(request, maxBytes, budget);
    },
  };
}

interface Budget {
  left: number;
}

/** The body of one request as far as it has arrived, whether or not a hook has read it. */
export class ReadBody {
  readonly #request: ReadableRequest;
  readonly #maxBytes: number;
  readonly #budget: Budget;
  #chunks: Buffer[] = [];
  #small = 0;
  #bytes = 0;
  /** How many of them are charged to the budget. */
  #charged = 0;
  #isBegun = false;
  #ended = false;
  #excess: 'uid_hook_body_too_large' | 'overloaded' | undefined;
  #onChunk: ((chunk: Buffer) => void) | undefined;
  #onEnd: (() => void) | undefined;

  constructor(request: ReadableRequest, maxBytes: number, budget: Budget) {
    this.#request = request;
    this.#maxBytes = maxBytes;
    this.#budget = budget;
  }

  /** Hooks are called: from now on one may read, and more arrives than Node holds by itself. {@link letGo} has to follow. */
  begin(): void {
    this.#isBegun = true;
    this.#charge();
  }

  #charge(): void {
    const more = this.#bytes - this.#charged;
    if (more > this.#budget.left) this.#refuse('overloaded');
    else {
      this.#charged += more;
      this.#budget.left -= more;
    }
  }

  #refuse(excess: 'uid_hook_body_too_large' | 'overloaded'): void {
    this.#excess = excess;
    this.#forget();
  }

  /** Whether a hook has read from the body, has changed how it is read, or has ended it. */
  get isTouched(): boolean {
    const { readableDidRead, readableEncoding, destroyed } = this.#request;
    return readableDidRead || readableEncoding !== null || destroyed || this.#request.listenerCount('readable') > 0;
  }

  /** Takes a chunk; `null` is the end. */
  take(chunk: Buffer | null): void {
    if (chunk === null) {
      this.#ended = true;
      this.#onEnd?.();
    } else if (this.#onChunk !== undefined) this.#onChunk(chunk);
    else if (this.#excess === undefined) this.#keep(chunk);
  }

  #keep(chunk: Buffer): void {
    const { length } = chunk;
    if (this.#bytes + length > this.#maxBytes) {
      this.#refuse('uid_hook_body_too_large');
      return;
    }
    this.#bytes += length;
    this.#chunks.push(chunk);
    if (this.#isBegun) this.#charge();
    this.#small = length < smallBytes ? this.#small + 1 : 0;
    if (this.#small < mostSmall) return;
    this.#small = 0;
    this.#chunks.push(Buffer.concat(this.#chunks.splice(-mostSmall)));
  }

  /** Why the body cannot be forwarded; `undefined`: it can. */
  get failure(): Result<never> | undefined {
    if (this.#excess === 'overloaded') return failed('overloaded', 'hooks read too many bodies at a time');
    if (this.#excess !== undefined) {
      return failed(this.#excess, `a hook read a body of more than hooks.maxBodyBytes (${this.#maxBytes})`);
    }
    if (this.#request.destroyed && !this.#ended) {
      return failed('uid_hook_bad_value', 'a hook destroyed the request before its whole body had arrived');
    }
    return undefined;
  }

  /** Gives the whole body: the chunks that have arrived, then the rest as it arrives. */
  sendTo(onChunk: (chunk: Buffer) => void, onEnd: () => void): void {
    const chunks = this.#chunks;
    this.#forget();
    this.#onChunk = onChunk;
    this.#onEnd = onEnd;
    for (const chunk of chunks) onChunk(chunk);
    if (this.#ended) {
      onEnd();
      return;
    }
    // While a hook listens to `readable`, Node waits for it to read.
    this.#request.removeAllListeners('readable');
    this.#request.resume();
  }

  /** The kept body is not needed any more. */
  letGo(): void {
    this.#forget();
    this.#request.readBody = undefined;
  }

  #forget(): void {
    this.#budget.left += this.#charged;
    this.#charged = 0;
    this.#bytes = 0;
    this.#chunks = [];
  }
}
