/** Why a certificate cannot be used. */
interface CertificateFault {
  /** The setting that names the file. */
  readonly key: string;
  readonly file: string;
  readonly found: string;
  readonly wanted: string;
}

/** A certificate that cannot be used. */
export class CertificateError extends Error {
  override readonly name = 'CertificateError';
  /** The setting that names the file. */
  readonly key: string;
  readonly file: string;

  constructor({ key, file, found, wanted }: CertificateFault, options?: ErrorOptions) {
    super(`${key}: ${file}: found ${found}, wanted ${wanted}`, options);
    this.key = key;
    this.file = file;
  }
}
