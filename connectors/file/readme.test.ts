/**
 * The README of this room against the declaration of its keys. The examination itself is in connectors/acceptance.
 */
import { examineReadme } from '../acceptance/index.ts';
import { filePlugins } from './plugins.ts';

const ofSpoolDir = filePlugins.filter((plugin) => plugin.class.startsWith('SpoolDir'));
examineReadme(
  new URL('README.md', import.meta.url),
  filePlugins.filter((plugin) => !ofSpoolDir.includes(plugin)),
);
// The keys of CSV are those of all, and some more.
examineReadme(
  new URL('spooldir/README.md', import.meta.url),
  ofSpoolDir.filter((plugin) => plugin.class === 'SpoolDirCsvSource'),
);
