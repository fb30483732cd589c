import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { expect, onTestFinished } from 'vitest';

type Message = Readonly<Record<string, unknown>>;

/** A taker or a giver in a process of its own. */
export class Child {
  readonly process: ChildProcess;
  readonly told: Message[] = [];

  constructor(program: 'taker' | 'giver', dir: string, port: number, silentMs = 10_000) {
    this.process = fork(new URL(`../programs/${program}.mjs`, import.meta.url), [dir, String(port), String(silentMs)]);
    this.process.on('message', (message) => this.told.push(message as Message));
    onTestFinished(() => void this.process.kill('SIGKILL'));
  }

  /** Waits until it has told something. */
  async has(message: Message): Promise<void> {
    await expect.poll(() => this.told, { timeout: 15_000 }).toContainEqual(message);
  }

  /** Waits until it tells something with this field, and returns that. */
  async tells(field: string): Promise<unknown> {
    await expect.poll(() => this.told.some((message) => field in message)).toBe(true);
    return this.told.find((message) => field in message)?.[field];
  }

  do(...command: string[]): void {
    this.process.send(command);
  }

  /** As {@link kill}, when it has noted what its clients have received: they may have it a moment before. */
  async killAtRest(): Promise<void> {
    this.do('rest');
    await this.has({ rests: 1 });
    await this.kill();
  }

  async kill(): Promise<void> {
    this.process.kill('SIGKILL');
    await once(this.process, 'exit');
  }
}

export async function startTaker(dir: string, port: number, silentMs?: number): Promise<Child> {
  const taker = new Child('taker', dir, port, silentMs);
  await taker.has({ ready: true });
  return taker;
}

/** @returns a giver, and the port on which it accepts clients */
export async function startGiver(
  dir: string,
  takerPort: number,
  silentMs?: number,
): Promise<{ giver: Child; port: number }> {
  const giver = new Child('giver', dir, takerPort, silentMs);
  return { giver, port: (await giver.tells('port')) as number };
}
