/** A certificate that cannot be used. */
export class CertificateError extends Error {
  override readonly name = 'CertificateError';
  /** The setting that names the file. */
  readonly key: string;
  readonly file: string;

  constructor(key: string, file: string, found: string, wanted: string, options?: ErrorOptions) {
    super(`${key}: ${file}: found ${found}, wanted ${wanted}`, options);
    this.key = key;
    this.file = file;
  }
}
