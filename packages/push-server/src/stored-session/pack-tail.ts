import type { Delivery } from '../rooms/delivery/recent-deliveries.ts';

/** Deliveries of one history: by how much the offset and the number of each exceed those of the one before, in turn. */
type PackedLog = readonly [room: string, epoch: string, steps: readonly number[]];

/** Packs deliveries into less than a tenth of the bytes: many clients are cut off at a time, and each has a thousand deliveries. */
export type PackedTail = readonly PackedLog[];

export function packTail(tail: readonly Delivery[]): PackedTail {
  const logs = new Map<string, { room: string; epoch: string; steps: number[]; last: Delivery | undefined }>();
  for (const delivery of tail) {
    const { room, position, count } = delivery;
    const key = `${position.epoch} ${room}`;
    let log = logs.get(key);
    if (log === undefined) {
      log = { room, epoch: position.epoch, steps: [], last: undefined };
      logs.set(key, log);
    }
    log.steps.push(position.offset - (log.last?.position.offset ?? 0), count - (log.last?.count ?? 0));
    log.last = delivery;
  }
  return [...logs.values()].map(({ room, epoch, steps }) => [room, epoch, steps]);
}

/** The deliveries, in the order in which they were made. */
export function unpackTail(packed: PackedTail): readonly Delivery[] {
  const tail: Delivery[] = [];
  for (const [room, epoch, steps] of packed) {
    let offset = 0;
    let count = 0;
    for (let index = 0; index < steps.length; index += 2) {
      offset += steps[index] as number;
      count += steps[index + 1] as number;
      tail.push({ room, position: { epoch, offset }, count });
    }
  }
  return tail.sort((one, other) => one.count - other.count);
}
