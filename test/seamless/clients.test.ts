import { io as current, type Socket } from 'socket.io-client';
import { io as of45 } from 'socket.io-client-4.5';
import { io as of47 } from 'socket.io-client-4.7';
import { expect, onTestFinished, test } from 'vitest';
import { startProgram } from '../support/cli.ts';
import { believing, startTestAgent } from '../support/gateway.ts';
import { describeNodes, hear, type TestNodes } from '../support/nodes.ts';
import { python } from '../support/python.ts';
import { nextEvent } from '../support/socket-io.ts';

const versions = { current, '4.7.5': of47, '4.5.4': of45 } as unknown as Readonly<Record<string, typeof current>>;

/** An agent before one push-server, and a way to restart that. */
async function startGateway(nodes: TestNodes) {
  let live = await nodes.start({ drainMs: 5_000 });
  const speaker = await nodes.start();
  const agent = await startTestAgent({
    agent: believing,
    router: { default: () => [{ ip: '127.0.0.1', port: live.port }] },
  });
  return {
    url: agent.url,
    say: (number: number) => speaker.push.toRoom('r', 'n', number),
    async restart() {
      const old = live;
      live = await nodes.start({ drainMs: 5_000 });
      await old.close();
    },
  };
}

describeNodes('clients of other versions and languages', (startNodes) => {
  test.each(Object.keys(versions))('socket.io-client %s does not notice two restarts', async (version) => {
    const { url, say, restart } = await startGateway(await startNodes());
    const connect = versions[version] as typeof current;
    const client: Socket = connect(url, { transports: ['websocket'], forceNew: true, query: { user: 'ann' } });
    onTestFinished(() => void client.disconnect());
    await nextEvent(client, 'connect');
    const { id } = client;
    let disconnects = 0;
    client.on('disconnect', () => disconnects++);
    const heard = hear<number>(client, 'n');
    const ask = (...args: unknown[]): Promise<{ ok: boolean; rooms: string[] }> =>
      new Promise((resolve) => void client.emit(args[0] as string, ...args.slice(1), resolve));
    await ask('go:join', 'r');
    let going = true;
    let said = 0;
    const speak = async (): Promise<void> => {
      while (going) {
        await say(said++);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    };
    const work = speak();
    for (let round = 0; round < 2; round++) {
      const asked = ask('go:leave', 'none');
      await restart();
      expect(await asked).toMatchObject({ ok: true, count: 1 });
    }
    going = false;
    await work;
    await heard.has(said - 1);
    expect(heard.all).toEqual(Array.from({ length: said }, (_, index) => index));
    expect([disconnects, client.id]).toEqual([0, id]);
  });

  test.skipIf(python === undefined)('a client in Python does not notice two restarts', async () => {
    const { url, say, restart } = await startGateway(await startNodes());
    const program = startProgram(python as string, ['test/programs/python-steady.py', `${url}?user=python`]);
    await program.until(/joined r/);
    for (let number = 0; number < 3; number++) {
      await say(number);
      await program.until(new RegExp(`answered ${number} True`));
      if (number < 2) await restart();
    }
    expect(program.stdout().match(/heard \d+/g)).toEqual(['heard 0', 'heard 1', 'heard 2']);
    expect(program.stdout()).not.toMatch(/disconnected/);
  });
});
