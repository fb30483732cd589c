import type { Libc } from '../../src/system/libc.ts';

/** Sends a packet as `DescriptorSocket` never does: any bytes, or none, with any descriptors. */
export function sendRaw(libc: Libc, to: number, data: Buffer, descriptors: readonly number[]): void {
  const controlBytes = 16 + ((4 * descriptors.length + 7) & ~7);
  // struct msghdr (recvmsg(2)) at 0, its iovec at 64, the control message at 96, then the bytes.
  const message = Buffer.from(new ArrayBuffer(96 + controlBytes + data.length));
  const at = libc.addressOf(message);
  message.writeBigUInt64LE(at + 64n, 16);
  message.writeBigUInt64LE(1n, 24);
  message.writeBigUInt64LE(at + 96n, 32);
  message.writeBigUInt64LE(BigInt(controlBytes), 40);
  message.writeBigUInt64LE(at + BigInt(96 + controlBytes), 64);
  message.writeBigUInt64LE(BigInt(data.length), 72);
  message.writeBigUInt64LE(BigInt(16 + 4 * descriptors.length), 96);
  // SOL_SOCKET, SCM_RIGHTS
  message.writeInt32LE(1, 104);
  message.writeInt32LE(1, 108);
  for (const [index, descriptor] of descriptors.entries()) message.writeInt32LE(descriptor, 112 + 4 * index);
  message.set(data, 96 + controlBytes);
  // MSG_NOSIGNAL
  if (libc.sendmsg(to, message, 0x4000) < 0) throw new Error(`sendmsg failed: error ${libc.errno()}`);
}
