import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { expect, onTestFinished } from 'vitest';

type Message = Readonly<Record<string, unknown>>;

/** A taker in a process of its own (`test/programs/taker.mjs`). */
export class TakerProcess {
  readonly process: ChildProcess;
  readonly told: Message[] = [];

  private constructor(dir: string, port: number) {
    this.process = fork(new URL('../programs/taker.mjs', import.meta.url), [dir, String(port)]);
    this.process.on('message', (message) => this.told.push(message as Message));
    onTestFinished(() => void this.process.kill('SIGKILL'));
  }

  static async start(dir: string, port: number): Promise<TakerProcess> {
    const taker = new TakerProcess(dir, port);
    await taker.has({ ready: true });
    return taker;
  }

  /** Waits until it has told something. */
  async has(message: Message): Promise<void> {
    await expect.poll(() => this.told).toContainEqual(message);
  }

  do(...command: string[]): void {
    this.process.send(command);
  }

  async kill(): Promise<void> {
    this.process.kill('SIGKILL');
    await once(this.process, 'exit');
  }
}
