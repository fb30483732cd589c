import { expect, test } from 'vitest';
import { startProgram } from '../support/cli.ts';
import { believing, startPushServers, startTestAgent, targetsOf } from '../support/gateway.ts';
import { python } from '../support/python.ts';
import { connectClient, nextEvent } from '../support/socket-io.ts';

test.skipIf(python === undefined).each(['websocket', 'polling'])(
  'a client in Python uses rooms through an agent, by %s',
  async (transport) => {
    const servers = await startPushServers(2);
    const agent = await startTestAgent({ agent: believing, router: { default: targetsOf(servers) } });
    const ann = await connectClient(agent.url, 'websocket', { query: { user: 'ann' } });
    await ann.emitWithAck('go:join', 'r');
    const program = startProgram(python as string, [
      'test/programs/python-client.py',
      `${agent.url}?user=python`,
      transport,
    ]);
    await program.until(/joined r/);
    const answered = nextEvent(ann, 'answer');
    await ann.emitWithAck('go:publish', { room: 'r', event: 'n', message: 'hello' });
    expect(await answered).toBe('hello');
    await program.until(/published True/);
    expect(program.stdout()).toMatch(/heard hello [\w-]+\.1~/);
  },
);
