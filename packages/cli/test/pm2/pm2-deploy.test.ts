import { expect, test } from 'vitest';
import { gopush, makeProject } from '../../../../test/support/cli.ts';
import { connectCounted, countedHistory } from '../../../../test/support/counted-clients.ts';
import { rows } from '../../../../test/support/long.ts';
import { startPm2 } from '../../../../test/support/pm2.ts';
import { startRedis } from '../../../store/test/support/redis.ts';

test.each(rows(['embedded'], ['Redis']))(
  'gopush pm2 reload of agents and push-servers with hand-offs, store %s: no client notices',
  { timeout: 240_000 },
  async (store) => {
    const { dir, url } = await makeProject({
      ...{ agentWorkers: 2, serverWorkers: 2, handOff: { enabled: true, dir: 'hand-off' } },
      ...(store === 'Redis' ? { redisAdapter: { port: (await startRedis()).port } } : {}),
      pushServer: { drainMs: 10_000, history: countedHistory },
    });
    const { env, list } = await startPm2();
    expect((await gopush(['--dir', dir, 'pm2', 'start'], { env })).code).toBe(0);
    const before = await list();
    const clients = await connectCounted(url, 20);
    const reloaded = await gopush(['--dir', dir, 'pm2', 'reload'], { env });
    expect([reloaded.code, reloaded.stderr]).toEqual([0, '']);
    // Push-servers are replaced first.
    expect(reloaded.stdout).toMatch(/app \[\S+-push-server\][\s\S]*app \[\S+-agent\]/);
    const after = await list();
    expect(after).toHaveLength(4);
    for (const { pid } of before) expect(after.map((one) => one.pid)).not.toContain(pid);
    expect(await clients.stop()).toEqual({ disconnects: 0, complete: 20 });
    expect((await gopush(['--dir', dir, 'pm2', 'stop'], { env })).code).toBe(0);
  },
);
