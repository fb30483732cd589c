/** Numbers of errors on Linux x64 and arm64 (errno(3)). */
export const errno = { again: 11, noBuffers: 105, tooManyReferences: 109 } as const;
