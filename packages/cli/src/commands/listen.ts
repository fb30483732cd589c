import { openApi } from '../api/ask-api.ts';
import { type ApiOptions, findApi } from '../api/find-api.ts';
import { readEvents } from '../api/read-events.ts';
import { CommandError } from '../command-error.ts';
import { jsonLine } from '../json-line.ts';

/** The rooms and users to listen to. */
export interface ListenTo {
  readonly rooms: readonly string[];
  readonly users: readonly string[];
}

/** Options of `gopush listen`. */
export interface ListenOptions extends ApiOptions {
  /** Number of messages after which it ends; absent: runs until it is stopped. */
  readonly count?: number | undefined;
}

/** Between two attempts to reach a push-server again, in milliseconds. */
const retryMs = 1_000;

/**
 * `gopush listen`: prints what is published to rooms and users, a line of JSON each, until Ctrl-C. When a push-server stops, it
 * continues at another one from the same position, so that nothing is missed.
 */
export async function listen({ rooms, users }: ListenTo, { count, ...options }: ListenOptions): Promise<void> {
  if (rooms.length + users.length === 0) {
    throw new CommandError(
      2,
      'listen: wanted --room with the name of a room, or --user with a uid, or several of them',
    );
  }
  const access = await findApi('read', options);
  const ending = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => ending.abort());
  const query = new URLSearchParams([
    ...rooms.map((room): [string, string] => ['room', room]),
    ...users.map((user): [string, string] => ['user', user]),
  ]);
  const listening: Listening = { lastId: '', left: count ?? Number.POSITIVE_INFINITY };
  let isFirst = true;
  while (!ending.signal.aborted && listening.left > 0) {
    try {
      const body = await openApi(access, query, listening.lastId, ending.signal);
      isFirst = false;
      await printEvents(body, listening);
    } catch (error) {
      // A refusal stays one; a connection that is lost comes back.
      if (isFirst && !ending.signal.aborted) throw error;
    }
    if (listening.left > 0) await pause(ending.signal);
  }
  ending.abort();
}

/** How far listening has come. */
interface Listening {
  lastId: string;
  /** How many messages are left to print. */
  left: number;
}

/** Prints the messages of a stream until it ends, or as many as are wanted. */
async function printEvents(body: ReadableStream<Uint8Array>, listening: Listening): Promise<void> {
  for await (const { event, data, id } of readEvents(body)) {
    listening.lastId = id;
    if (event === 'end') return;
    if (event !== 'message' && event !== 'gap') continue;
    const said = JSON.parse(data) as object;
    process.stdout.write(`${jsonLine(event === 'gap' ? { gap: true, ...said } : said)}\n`);
    if (--listening.left <= 0) return;
  }
}

function pause(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const timer = setTimeout(resolve, retryMs);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
