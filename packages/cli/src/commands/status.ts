import { type AdminOptions, askAdmin } from '../api/ask-admin.ts';
import { readCluster } from '../api/read-cluster.ts';
import { clusterLines } from '../screen/cluster-lines.ts';
import { paintFor } from '../screen/style.ts';

/** Characters in a line if the output is no terminal. */
const pipedWidth = 160;

/**
 * `gopush status`: the whole cluster on one screen. The exit code is 1 if it is not healthy.
 *
 * @param json - prints the response to `GET /cluster` instead
 */
export async function status({ json = false, ...options }: AdminOptions & { readonly json?: boolean }): Promise<void> {
  const response = await askAdmin({ path: '/cluster' }, options);
  const state = readCluster(await response.text());
  if (!state.isHealthy) process.exitCode = 1;
  const { stdout } = process;
  if (json) {
    stdout.write(`${JSON.stringify(state)}\n`);
    return;
  }
  const lines = clusterLines(state, {
    width: stdout.isTTY ? stdout.columns : pipedWidth,
    most: { nodes: 40, targets: 20, rooms: 8 },
    sorting: 'name',
    paint: paintFor(stdout, process.env),
  });
  stdout.write(`${lines.join('\n').trimEnd()}\n`);
}
