import type { PushServer } from '@gopush/push-server';

/** Settings of a push-server whose metrics can be read. */
export const admin = { admin: { serverPort: 0, agentPort: 0 } } as const;

/** What the admin listener of a push-server answers. */
export async function readAdmin(
  server: Pick<PushServer, 'adminUrl'> | undefined,
  path: string,
): Promise<{ status: number; text: string }> {
  const answer = await fetch(`${server?.adminUrl}${path}`);
  return { status: answer.status, text: await answer.text() };
}

/** The value of a metric of a push-server or an agent, with its labels as they are written. */
export async function readMetric(
  server: Pick<PushServer, 'adminUrl'> | undefined,
  name: string,
  tier: 'server' | 'agent' = 'server',
): Promise<number | undefined> {
  const { text } = await readAdmin(server, '/metrics');
  const line = text.split('\n').find((one) => one.startsWith(`gopush_${tier}_${name} `));
  return line === undefined ? undefined : Number(line.slice(line.lastIndexOf(' ') + 1));
}
