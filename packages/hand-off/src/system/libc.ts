import { lstatSync } from 'node:fs';
import type { LibraryHandle } from 'koffi';

/** An address in memory, or a buffer. */
type Pointer = Buffer | bigint;

/** Functions of the C library of this process. They return −1 if they fail; {@link Libc.errno} has the cause. */
export interface Libc {
  readonly socket: (domain: number, type: number, protocol: number) => number;
  readonly bind: (descriptor: number, address: Pointer, length: number) => number;
  readonly listen: (descriptor: number, backlog: number) => number;
  readonly connect: (descriptor: number, address: Pointer, length: number) => number;
  readonly accept4: (descriptor: number, address: null, length: null, flags: number) => number;
  readonly sendmsg: (descriptor: number, message: Pointer, flags: number) => number;
  readonly recvmsg: (descriptor: number, message: Pointer, flags: number) => number;
  readonly getsockopt: (descriptor: number, level: number, name: number, value: Pointer, length: Pointer) => number;
  readonly shutdown: (descriptor: number, how: number) => number;
  readonly close: (descriptor: number) => number;
  readonly dupCloexec: (descriptor: number) => number;
  /** `fcntl` with a pointer, for locks. */
  readonly lock: (descriptor: number, command: number, lock: Pointer) => number;
  /** `ioctl` with a pointer. */
  readonly ioctl: (descriptor: number, request: number, value: Pointer) => number;
  readonly memfdCreate: (name: string, flags: number) => number;
  /** @returns the address; −1n if it failed */
  readonly mmap: (length: number, protection: number, descriptor: number) => bigint;
  /** A descriptor for a process (pidfd_open(2), Linux 5.3). */
  readonly pidfdOpen: (pid: number) => number;
  /** Sends a signal to the process of such a descriptor. */
  readonly pidfdSendSignal: (descriptor: number, signal: number) => number;
  readonly errno: () => number;
  readonly addressOf: (bytes: Buffer) => bigint;
  readonly view: (address: bigint, length: number) => ArrayBuffer;
}

const fDupfdCloexec = 1030;
const mapShared = 1;

/** Numbers of calls that older C libraries have no function for; the same on x64 and arm64. */
const syscalls = { pidfdSendSignal: 424, pidfdOpen: 434 } as const;

let loading: Promise<Libc | string> | undefined;

/** The functions, or why there are none. Loaded once. */
export function loadLibc(): Promise<Libc | string> {
  loading ??= load();
  return loading;
}

async function load(): Promise<Libc | string> {
  if (process.platform !== 'linux') return `the platform is ${process.platform}, not Linux`;
  // Layouts of structures are those of 64 bits, little-endian, which glibc and musl share.
  if (process.arch !== 'x64' && process.arch !== 'arm64') return `the processor is ${process.arch}, not x64 or arm64`;
  let koffi: typeof import('koffi');
  // The process may have looked at a socket: see ../channel/socket-file.ts.
  lstatSync('/');
  try {
    koffi = await import('koffi');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND')
      return 'the optional package koffi is not installed: install the packages again, with optional ones';
    return `the optional package koffi cannot be loaded: ${firstLine(error)}`;
  }
  try {
    return bindAll(koffi, koffi.load(null));
  } catch (error) {
    return `a call of the C library is missing: ${firstLine(error)}`;
  }
}

function bindAll(koffi: typeof import('koffi'), library: LibraryHandle): Libc {
  const fcntl = library.func('fcntl', 'int', ['int', 'int', 'long']);
  const syscall = library.func('syscall', 'long', ['long', 'long', 'long', 'long', 'long']);
  const mmap = library.func('mmap', 'intptr_t', ['void *', 'size_t', 'int', 'int', 'int', 'long']);
  return {
    socket: library.func('int socket(int, int, int)'),
    bind: library.func('int bind(int, void *, int)'),
    listen: library.func('int listen(int, int)'),
    connect: library.func('int connect(int, void *, int)'),
    accept4: library.func('int accept4(int, void *, void *, int)'),
    sendmsg: library.func('long sendmsg(int, void *, int)'),
    recvmsg: library.func('long recvmsg(int, void *, int)'),
    getsockopt: library.func('int getsockopt(int, int, int, void *, void *)'),
    shutdown: library.func('int shutdown(int, int)'),
    close: library.func('int close(int)'),
    dupCloexec: (descriptor) => fcntl(descriptor, fDupfdCloexec, 0),
    lock: library.func('fcntl', 'int', ['int', 'int', 'void *']),
    ioctl: library.func('ioctl', 'int', ['int', 'long', 'void *']),
    memfdCreate: library.func('int memfd_create(const char *, int)'),
    mmap: (length, protection, descriptor) => BigInt(mmap(null, length, protection, mapShared, descriptor, 0)),
    pidfdOpen: (pid) => syscall(syscalls.pidfdOpen, pid, 0, 0, 0),
    pidfdSendSignal: (descriptor, signal) => syscall(syscalls.pidfdSendSignal, descriptor, signal, 0, 0),
    errno: () => koffi.errno(),
    addressOf: (bytes) => koffi.address(bytes),
    view: (address, length) => koffi.view(address, length),
  };
}

function firstLine(error: unknown): string {
  return String((error as Error).message ?? error).split('\n', 1)[0] ?? '';
}
