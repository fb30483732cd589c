import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ConfigInput } from '@gopush/contract';
import { type PushServer, startPushServer } from '@gopush/push-server';
import { silentLogger } from '@gopush/service';
import { describe, type TestContext, test } from 'vitest';
import { startRedis } from '../../../store/test/support/redis.ts';

type Answer = (value: number) => void;

/** Three push-servers that end with a test. */
async function startThree(fanout: string, onTestFinished: TestContext['onTestFinished']) {
  const config = await configOf();
  const start = async (node: string): Promise<PushServer> => {
    const server = await startPushServer({
      config: { serverPortStart: 0, ...config, pushServer: { drainMs: 100, graceMs: 0, ...config.pushServer } },
      node,
      logger: silentLogger,
    });
    onTestFinished(() => server.close());
    return server;
  };
  return [await start('one'), await start('two'), await start('three')] as const;

  async function configOf(): Promise<ConfigInput> {
    if (fanout !== 'embedded') {
      const { port } = await startRedis([], undefined, onTestFinished);
      return { redisAdapter: { port, fanout: fanout as 'pubsub' } };
    }
    const fanoutDir = await mkdtemp(join(tmpdir(), 'gopush-'));
    onTestFinished(() => rm(fanoutDir, { recursive: true, force: true }));
    return { pushServer: { fanoutDir } };
  }
}

// At the same time: each waits for the time that push-servers have to answer.
describe.concurrent.each(['embedded', 'pubsub', 'sharded', 'streams'])(
  'an event to all push-servers that wants answers: %s',
  (fanout) => {
    test('has those of all but one that leaves meanwhile', async ({ expect, onTestFinished }) => {
      const [one, two, three] = await startThree(fanout, onTestFinished);
      two.io.on('ask', (answer: Answer) => answer(2));
      three.io.on('ask', () => void three.close());
      await expect(one.io.serverSideEmitWithAck('ask')).resolves.toEqual([2]);
    });

    test('fails with the others where one stays and does not answer', async ({ expect, onTestFinished }) => {
      const [one, two, three] = await startThree(fanout, onTestFinished);
      two.io.on('ask', (answer: Answer) => answer(2));
      three.io.on('ask', () => {});
      await expect(one.io.serverSideEmitWithAck('ask')).rejects.toMatchObject({ responses: [2] });
    });
  },
);
