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
    for (const { io } of servers) io.local.emit('one', 'of io');
    await program.until(/one of io/);
    for (const { io } of servers) for (const socket of io.sockets.sockets.values()) socket.emit('one', 'of its socket');
    await program.until(/one of its socket/);
    // Its handlers print at the same time.
    expect(program.stdout()).toMatch(/welcome python/);
    expect(program.stdout()).toMatch(/push hello world/);
    expect(program.stdout()).toMatch(/heard hello/);
    expect(program.stdout()).toMatch(/mark [\w-]+\.1~/);
    program.signal('SIGTERM');
    expect((await program.ended).stderr).not.toMatch(/TypeError/);
  },
);
