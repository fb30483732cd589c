const afUnix = 1;

/** `struct sockaddr_un` for a path (unix(7)), with the final zero. */
export function writeAddress(path: string): Buffer {
  const address = Buffer.alloc(2 + Buffer.byteLength(path) + 1);
  address.writeUInt16LE(afUnix, 0);
  address.write(path, 2);
  return address;
}
