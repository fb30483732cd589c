import { expect } from 'vitest';
import { startProgram } from '../../../../test/support/cli.ts';
import { connectClient, nextEvent } from '../../../../test/support/socket-io.ts';
import { freePort } from '../../../store/test/support/redis.ts';

/** Settings with which a project runs beside others. */
export async function ownPorts(): Promise<{ url: string; env: Record<string, string> }> {
  const port = await freePort();
  const env = {
    GOPUSH_AGENT_PORT: String(port),
    GOPUSH_SERVER_PORT_START: String(await freePort(2)),
    GOPUSH_ADMIN_AGENT_PORT: '0',
    GOPUSH_ADMIN_SERVER_PORT: '0',
    // A busy machine is no reason to refuse the clients of a test.
    GOPUSH_LIMITS_EVENT_LOOP_DELAY_MS: '0',
    GOPUSH_PUSH_SERVER_LIMITS_BEGIN_DELAY_MS: '0',
  };
  return { url: `http://127.0.0.1:${port}`, env };
}

/** Runs a script of a project, as its user would, and has two clients talk by it. */
export async function tryProject(dir: string, script: string): Promise<void> {
  const { url, env } = await ownPorts();
  const running = startProgram('npm', ['run', '--silent', script], { cwd: dir, env, ownGroup: true });
  await running.until(/gopush is ready/);
  const ann = await connectClient(url, 'upgrade', { query: { user: 'ann' } });
  const bob = await connectClient(url, 'websocket', { query: { user: 'bob' } });
  await bob.emitWithAck('room', { room: 'lobby' });
  const heard = nextEvent(bob, 'chat');
  ann.emit('room', { room: 'lobby', event: 'chat', message: 'hello' });
  expect(await heard).toMatchObject({ message: 'hello' });
  ann.disconnect();
  bob.disconnect();
  running.signal('SIGINT');
  await running.ended;
}
