import { withAdmin } from '../../support/admin.ts';
import { createMemoryLog, hooksTo, startTestAgent } from '../../support/agent.ts';
import { handshakeBytes, openRaw, type RawClient, sampleAnswer, send } from '../../support/client.ts';
import { frame } from '../../support/frames.ts';
import { type SeenConnection, startSeeingTarget } from '../../support/wire.ts';

/** A frame of a client. */
export const fromClient = (text: string | Buffer, options: object = {}): Buffer =>
  frame(text, { mask: true, ...options });
/** By which a target asks for its client to be stopped. */
export const drain = frame('gopush:drain', { opcode: 9 });
/** By which the agent says that it is. Our mask is zero: what the agent says can be read. */
export const quiet = /.{6}gopush:quiet/s;
/** The end of what a client gets whose session cannot continue: a close frame. */
export const closeOf1012 = '\x88\x02\x03\xf4';

/** The response of a target that can give the session, by this token, and that skips this many frames of the client. */
export function answer(token: string, skip?: number | string): string {
  const more = `x-gopush-resume: ${token}\r\n${skip === undefined ? '' : `x-gopush-resume-skip: ${skip}\r\n`}`;
  return sampleAnswer.replace(/\r\n\r\n$/, `\r\n${more}\r\n`);
}

/** Responds to an upgrade as a target. */
export async function take({ until, socket }: SeenConnection, said: string | Buffer[]): Promise<string> {
  const [head] = await until(/^GET [\s\S]*?\r\n\r\n/);
  if (typeof said === 'string') socket.write(said, 'latin1');
  else for (const one of said) socket.write(one);
  return head;
}

type Target = Awaited<ReturnType<typeof startSeeingTarget>>;

/** A client on a target that can give its session, and other targets. */
export async function startSession(others: number, config: object = {}) {
  const targets = await Promise.all(Array.from({ length: 1 + others }, () => startSeeingTarget()));
  const [first, second, third] = targets as [Target, Target, Target];
  let live: readonly Pick<Target, 'ip' | 'port'>[] = [first];
  const { log, lines, next } = createMemoryLog();
  const agent = await startTestAgent(
    hooksTo({ default: () => live.map(({ ip, port }) => ({ ip, port })) }),
    { ...withAdmin, ...config },
    log,
  );
  const port = Number(new URL(agent.url).port);
  const arrives = first.next();
  const client = await openRaw(port, handshakeBytes('/socket.io/?EIO=4&transport=websocket'));
  const old = await arrives;
  await take(old, answer('one'));
  await client.until(/\r\n\r\n/);
  function route(...to: readonly Pick<Target, 'ip' | 'port'>[]): void {
    live = to;
  }
  /** The old target gives the session. */
  async function give(): Promise<void> {
    old.socket.write(drain);
    await old.until(quiet);
    old.socket.end();
  }
  return {
    agent,
    client,
    old,
    lines,
    next,
    /** Others, as many as were asked for. */
    second,
    third,
    /** From now on sessions can go to these only. */
    route,
    give,
    /** The old target gives the session to this one. @returns its connection, to which it has not responded */
    async giveTo(target: Target): Promise<SeenConnection> {
      route(target);
      const comes = target.next();
      await give();
      return comes;
    },
  };
}

/** What a client was given after its handshake. */
export const given = ({ text }: RawClient): string => text().slice(text().indexOf('\r\n\r\n') + 4);

/** What is counted of sessions that could continue nowhere. */
export const fallbacks = async ({ adminUrl }: { adminUrl: string | undefined }): Promise<string> =>
  (await send(`${adminUrl}/metrics`)).body
    .split('\n')
    .filter((line) => line.startsWith('gopush_agent_move_fallbacks_total{'))
    .join('\n');
