import { type Failure, parseEvent } from '@gopush/contract';
import type { Logger } from '@gopush/service';
import type { Socket } from 'socket.io';
import type { Rules } from './hook/rules.ts';
import type { ServerClient } from './hook/server-hook.ts';
import type { Limits } from './limits/limits.ts';
import { type AckFunction, ackOf, refuse as refuseWith } from './refuse.ts';

/** Events of one client that the hook may have in hand at a time. */
const maxOpen = 1_000;

/** Events that neither gopush nor a handler of the project knows go to `onMessage` of the server hook. */
export function handleMessages(socket: Socket, client: ServerClient, rules: Rules, limits: Limits, log: Logger): void {
  let open = 0;
  const refuse = (ack: AckFunction | undefined, failure: Failure): void => {
    limits.refused(failure.code);
    refuseWith(ack, failure, log);
  };
  socket.use(([event, ...args]: unknown[], next) => {
    next();
    if (!rules.has('onMessage') || socket.listenerCount(event as string) > 0) return;
    const ack = ackOf(args);
    const name = parseEvent(event);
    if (!name.ok) return refuse(ack, name.failure);
    if (open >= maxOpen) return refuse(ack, { code: 'too_many_requests' });
    open++;
    const data = args[0] === ack ? undefined : args[0];
    void rules.answer(client, name.value, data).then((result) => {
      open--;
      if (!result.ok) return refuse(ack, result.failure);
      try {
        ack?.(result.value);
      } catch (cause) {
        // It cannot be sent: a BigInt, an object that holds itself, …
        refuse(ack, { code: 'server_hook_bad_value', detail: `onMessage of ${name.value}`, cause });
      }
    });
  });
}
