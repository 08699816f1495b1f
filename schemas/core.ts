/**
 * The registry core: subjects, versions and ids as a fold over the store, and the one writer that changes them.
 *
 * No HTTP here. rest/ and in-process.ts call it; the store below keeps it.
 */
export interface RegistryCore {
  /** Subjects of the default context with a live version, sorted. */
  readonly subjects: () => readonly string[];
}
