import type { ClusterState } from '@gopush/cluster';
import { type AdminOptions, askAdmin } from '../api/ask-admin.ts';
import { readCluster } from '../api/read-cluster.ts';
import { readEvents } from '../api/read-events.ts';
import { CommandError } from '../command-error.ts';
import { clusterLines, type Sorting, sortings } from '../screen/cluster-lines.ts';
import { FullScreen } from '../screen/full-screen.ts';
import { paintFor } from '../screen/style.ts';

/** Characters in a line if the output is no terminal. */
const pipedWidth = 160;

/** Options of `gopush top`. */
export interface TopOptions extends AdminOptions {
  /** Prints the state as a line of JSON each second. */
  readonly json?: boolean;
  readonly sort: Sorting;
  /** Number of states after which it ends; absent: runs until it is stopped. */
  readonly count?: number | undefined;
}

/** `gopush top`: the cluster, once a second, until `q` or Ctrl-C. If the output is no terminal, one screen after the other. */
export async function top({
  json = false,
  sort,
  count = Number.POSITIVE_INFINITY,
  ...options
}: TopOptions): Promise<void> {
  const { stdin, stdout } = process;
  const ending = new AbortController();
  const response = await askAdmin(
    { path: '/cluster/live', accept: 'text/event-stream', signal: ending.signal },
    options,
  );
  const isScreen = stdin.isTTY && stdout.isTTY && !json;
  const screen = isScreen ? new FullScreen(stdin, stdout) : undefined;
  const paint = paintFor(stdout, process.env);
  let sorting = sort;
  let state: ClusterState | undefined;
  const draw = (): void => {
    if (state === undefined) return;
    if (json) stdout.write(`${JSON.stringify(state)}\n`);
    else if (screen === undefined) stdout.write(`${linesOf(state, pipedWidth, undefined).join('\n').trimEnd()}\n\n`);
    else screen.show([...linesOf(state, screen.columns, screen.rows - 1)], paint(help, 'dim'));
  };
  const linesOf = (shown: ClusterState, width: number, rows: number | undefined): string[] => {
    const nodes = rows === undefined ? 40 : Math.max(3, Math.min(shown.nodes.length, rows - 12));
    const targets = rows === undefined ? 20 : Math.max(3, rows - nodes - 12);
    return clusterLines(shown, { width, most: { nodes, targets, rooms: 5 }, sorting, paint });
  };
  const quit = (): void => ending.abort();
  screen?.open({
    onKey(key) {
      if (key === 'q' || key === '\u0003') return quit();
      const chosen = Object.entries(sortings).find(([, one]) => one === key)?.[0];
      if (chosen !== undefined) sorting = chosen as Sorting;
      draw();
    },
    onResize: draw,
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, quit);
  try {
    await follow(response, count, (next) => {
      state = next;
      draw();
    });
  } catch (error) {
    if (error instanceof CommandError) throw error;
    if (!ending.signal.aborted)
      throw new CommandError(1, `the connection to the admin listener was lost: ${(error as Error).message}`);
  } finally {
    quit();
    screen?.close();
  }
}

const help = `q quit · sort by: ${Object.entries(sortings)
  .map(([name, key]) => `${key} ${name}`)
  .join(', ')}`;

async function follow(response: Response, count: number, onState: (state: ClusterState) => void): Promise<void> {
  if (response.body === null) return;
  let left = count;
  for await (const { event, data } of readEvents(response.body)) {
    if (event === 'problem') throw new Error(data);
    if (event !== 'state') continue;
    onState(readCluster(data));
    if (--left <= 0) return;
  }
  throw new Error('it ended the stream');
}
