import { type CountsOwners, type Owners, ownersOf } from './owners.ts';

/** By which our supervisor asks a process who owns its connections. */
export const askOwners = 'owners?';

/** The answer. */
export interface OwnersMessage {
  readonly owners: Owners;
}

/** Whether a message of a process is its answer. */
export function isOwnersMessage(message: unknown): message is OwnersMessage {
  return typeof message === 'object' && message !== null && 'owners' in message;
}

/** Answers our supervisor. */
export function answerOwners(running: CountsOwners): void {
  process.on('message', (message) => {
    if (message === askOwners && process.connected) {
      process.send?.({ owners: ownersOf(running) } satisfies OwnersMessage, undefined, undefined, ignore);
    }
  });
}

/** How often pm2 is told what has changed, in milliseconds. */
export const tellMs = 500;

/** The names of the metrics in pm2, which `pm2 describe` shows as well. */
export const pm2Metrics = {
  one: 'handed over, one owner',
  two: 'handed over, two owners',
  waiting: 'clients that wait for a push-server',
} as const satisfies Record<keyof Owners, string>;

/** Tells pm2, as metrics of the process (messages of type `axm:monitor`, like those of `@pm2/io`). */
export function reportOwners(running: CountsOwners): void {
  let told = '';
  const tell = (): void => {
    const owners = ownersOf(running);
    const text = JSON.stringify(owners);
    if (text === told || !process.connected) return;
    told = text;
    const data = Object.fromEntries(
      Object.entries(pm2Metrics).map(([key, name]) => [name, { value: owners[key as keyof Owners] }]),
    );
    process.send?.({ type: 'axm:monitor', data }, undefined, undefined, ignore);
  };
  // pm2 lets a new process begin with the metrics of the one that it replaces.
  tell();
  setInterval(tell, tellMs).unref();
}

/** A parent that has gone is noticed elsewhere. */
function ignore(): void {}
