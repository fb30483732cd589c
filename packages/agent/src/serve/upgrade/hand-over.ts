import { failed, type Result, sessionTokenHeader, success } from '@gopush/contract';
import { uptimeMs } from '@gopush/service';
import { HandedClient } from '../../hand-off/handed-client.ts';
import { type HandOffRecord, writeRecord } from '../../hand-off/record.ts';
import { stopCounting } from '../../limits/stop-counting.ts';
import { leaveOpen } from '../../request/close-at-end.ts';
import type { Exchange } from '../../route/exchange.ts';
import { clientKeepAliveMs } from '../../tunnel/tunnel-side.ts';
import { isCompressed } from '../../wire/is-compressed.ts';
import { headerOf, type ResponseHead } from '../../wire/response-head.ts';
import type { AgentContext } from '../agent-context.ts';
import type { HandOffResponse } from './target-response.ts';
import { composeSwitchingProtocols } from './write-switching-protocols.ts';

/**
 * Hands a client over to the target that has upgraded, with the 101.
 *
 * @param early - what the client has sent after the head of its request already
 */
export async function handOver(
  exchange: Exchange,
  early: Buffer,
  response: HandOffResponse,
  { limits, handOff, observer }: AgentContext,
): Promise<Result<void>> {
  const { client, startedAt } = exchange;
  const { offered, head, member, identity, cookie } = response;
  const known = response.record;
  leaveOpen(client);
  // Its socket closes here, and the connection counts until its target reports its end.
  limits.connections.keep(client);
  client.setKeepAlive(true, clientKeepAliveMs);
  try {
    const switching = composeSwitchingProtocols(head, cookie);
    const write = Buffer.from(switching, 'latin1');
    const { token, cannotMigrate } = sessionOf(head);
    const record: HandOffRecord = {
      id: known.id,
      address: known.address,
      uid: known.uid,
      product: known.product,
      peer: known.peer,
      route: known.route,
      target: known.target,
      migrations: known.migrations,
      url: known.url,
      path: known.path,
      headers: known.headers,
      key: known.key,
      token,
      cannotMigrate,
      openedAt: Date.now(),
      openedUp: Math.round(uptimeMs()),
      bytesInBefore: client.bytesRead - early.length - client.readableLength,
      bytesOutBefore: client.bytesWritten + write.length,
    };
    const outcome = await offered.accept({
      user: new HandedClient(member, record),
      record: writeRecord(record),
      write,
      early,
    });
    if (outcome.ok) {
      handOff?.clients.add(outcome.value, record);
      observer.tunnelOpened(startedAt);
      return success(undefined);
    }
    giveUp();
    return failed(
      outcome.cause === 'lost' ? 'target_reset' : 'client_gone',
      `${member.target.name}: ${outcome.detail}`,
    );
  } catch (error) {
    giveUp();
    offered.withdraw();
    throw error;
  }

  function giveUp(): void {
    client.destroy();
    stopCounting(limits, { member, uid: identity.uid, peer: known.peer });
  }
}

/** Whether its session can migrate, and by which name. */
function sessionOf(head: ResponseHead): Pick<HandOffRecord, 'token' | 'cannotMigrate'> {
  const token = headerOf(head, sessionTokenHeader) || undefined;
  if (!isCompressed(head) || token === undefined) return { token, cannotMigrate: undefined };
  return { token: undefined, cannotMigrate: 'compressed' };
}
