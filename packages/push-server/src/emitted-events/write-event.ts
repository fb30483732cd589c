import { writePosition } from '@gopush/contract';
import type { Socket } from 'socket.io';
import { EventForms, type PacketOptions } from '../emit/event-forms.ts';
import type { Emitted } from './event-log.ts';

/** The parts of a connection that are used here. */
export interface EventClient {
  /** Whether its session continues at another node. */
  readonly hasMigrated: boolean;
  /** Writes encoded packets. */
  writeToEngine(packets: readonly (string | Buffer)[], options: PacketOptions & { readonly preEncoded: true }): void;
}

/** Writes an event to the connection of a socket as it is, with its position. */
export function writeEvent(
  client: EventClient,
  { nsp: { name } }: Socket,
  { encoded, compress, place }: Pick<Emitted, 'encoded' | 'compress' | 'place'>,
): void {
  const position = writePosition(place);
  const forms = new EventForms(position, name, name === '/' ? () => withPosition(encoded, position) : undefined);
  client.writeToEngine(encoded, { preEncoded: true, compress, forms });
}

/** The event with its position as one more argument. Its text ends with the list of arguments. */
function withPosition([text, ...binary]: Emitted['encoded'], position: string): Emitted['encoded'] {
  return [`${String(text).slice(0, -1)},${JSON.stringify(position)}]`, ...binary];
}
