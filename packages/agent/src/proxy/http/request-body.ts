import type { AgentRequest } from '../../request/agent-request.ts';
import type { ReadBody } from '../../request/read-body.ts';

/** Takes the body of a request. */
export interface BodySink {
  onBody(chunk: Buffer): void;
  onBodyEnd(): void;
}

/** How many bytes of bodies may still be kept. */
export interface BodyBudget {
  left: number;
}

/** Largest body that is kept, in bytes. */
const maxKept = 64 * 1024;

/** Most bytes of all kept bodies of an agent. */
const maxKeptInAll = 16 * 1024 * 1024;

/** Opens the budget of an agent. */
export function createBodyBudget(): BodyBudget {
  return { left: maxKeptInAll };
}

/**
 * The body of a request on its way to a target. A short one can be kept until the target responds, so that it can be sent again if the target has not
 * read it.
 */
export class RequestBody {
  /** Whether the request has a body. */
  readonly exists: boolean;
  readonly #request: AgentRequest;
  /** Where it comes from if hooks may have read it. */
  readonly #read: ReadBody | undefined;
  readonly #length: number | undefined;
  readonly #budget: BodyBudget;
  #kept: Buffer[] | undefined;
  #sink: BodySink | undefined;
  #begun = false;
  #ended = false;

  constructor(request: AgentRequest, budget: BodyBudget) {
    const { 'transfer-encoding': coding, 'content-length': length = '0' } = request.headers;
    this.#request = request;
    this.#read = request.readBody;
    this.#budget = budget;
    this.#length = coding === undefined ? Number(length) : undefined;
    this.exists = this.#length !== 0;
  }

  /** Whether it can be sent from its beginning, as often as needed. */
  get isKept(): boolean {
    return !this.exists || this.#kept !== undefined;
  }

  /**
   * Keeps it, unless it is long, of unknown length, already being sent, or the budget is used up.
   *
   * @returns whether it is kept
   */
  keep(): boolean {
    if (this.isKept) return true;
    const bytes = this.#length ?? Number.POSITIVE_INFINITY;
    if (this.#begun || bytes > maxKept || bytes > this.#budget.left) return false;
    this.#budget.left -= bytes;
    this.#kept = [];
    return true;
  }

  /** It will not be sent again. */
  letGo(): void {
    if (this.#kept === undefined) return;
    this.#kept = undefined;
    this.#budget.left += this.#length ?? 0;
  }

  /** Sends it to this sink from now on, and to no earlier one: the kept bytes, then the rest as it arrives. */
  sendTo(sink: BodySink): void {
    this.#sink = sink;
    for (const chunk of this.#kept ?? []) sink.onBody(chunk);
    if (this.#ended) sink.onBodyEnd();
    else if (this.#begun) this.#request.resume();
    else {
      this.#begun = true;
      if (this.#read !== undefined) this.#read.sendTo(this.#onData, this.#onEnd);
      else this.#request.on('data', this.#onData).once('end', this.#onEnd);
    }
  }

  /** Reads the rest, and discards it. */
  drop(): void {
    this.#sink = undefined;
    if (!this.#ended) this.#request.resume();
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#kept?.push(chunk);
    this.#sink?.onBody(chunk);
  };

  readonly #onEnd = (): void => {
    this.#ended = true;
    this.#sink?.onBodyEnd();
  };
}
