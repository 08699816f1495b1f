/** The one error of an import: what cannot be taken over, and what to do about it. */
export class ImportError extends Error {
  readonly code = 'IMPORT_REFUSED';

  constructor(message: string) {
    super(message);
    this.name = 'ImportError';
  }
}
