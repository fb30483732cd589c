import type { Logger } from '@gopush/service';
import { shortName } from '../summary/short-name.ts';
import { type ActionSummary, mostListed } from '../summary/summary.ts';
import { readCommand } from './command.ts';

/**
 * Acts on this node.
 *
 * @param value - such as a log level, or JSON
 * @returns what was done, in a line
 * @throws Error whose message says why it was not done
 */
export type Act = (value: string) => string | Promise<string>;

/** An action that was asked for. */
interface Asked {
  readonly id: string;
  readonly action: string;
  readonly by: string;
  readonly at: number;
  result: string | undefined;
  isDone: boolean;
}

/** The actions that operators may have this node do from the page of another one, and what became of the last ones. */
export class NodeActions {
  readonly #acts: Readonly<Record<string, Act>>;
  readonly #log: Logger;
  readonly #changed: () => void;
  readonly #asked: Asked[] = [];

  /** @param changed - called when there is something new to tell */
  constructor(acts: Readonly<Record<string, Act>>, log: Logger, changed: () => void) {
    this.#acts = acts;
    this.#log = log;
    this.#changed = changed;
  }

  /** Names of the actions that this node knows. */
  get names(): string[] {
    return Object.keys(this.#acts);
  }

  /** Runs a command from the store. What it holds is checked; it does not throw. */
  run(payload: Buffer): void {
    const command = readCommand(payload);
    if (command === undefined) {
      this.#log.warn('a command in the store cannot be read: it is ignored');
      return;
    }
    const { id, action, value, by, from, via } = command;
    // As the line of an action at the admin listener of this node, with the node at which it was asked for.
    this.#log.info({ by, from, via, action, ...(value === '' ? {} : { value: value.slice(0, 100) }) }, 'admin action');
    const asked: Asked = { id, action, by, at: performance.now(), result: undefined, isDone: false };
    this.#asked.unshift(asked);
    this.#asked.splice(mostListed.actions);
    const act = Object.hasOwn(this.#acts, action) ? this.#acts[action] : undefined;
    void this.#finish(asked, act === undefined ? refuse : act, value);
  }

  describe(now: number): ActionSummary[] {
    return this.#asked.map(({ id, action, by, at, result, isDone }) => ({
      id,
      action: shortName(action),
      by: shortName(by),
      agoMs: Math.round(now - at),
      ...(result === undefined ? {} : { result: shortName(result), isDone }),
    }));
  }

  async #finish(asked: Asked, act: Act, value: string): Promise<void> {
    try {
      // Its beginning is reported too, because a drain takes a while.
      this.#changed();
      asked.result = await act(value);
      asked.isDone = true;
    } catch (error) {
      asked.result = error instanceof Error ? error.message : String(error);
      this.#log.warn({ err: error, action: asked.action }, 'an admin action failed');
    }
    this.#changed();
  }
}

function refuse(): never {
  throw new Error('this node does not know this action');
}
